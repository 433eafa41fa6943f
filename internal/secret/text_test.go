package secret_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cambio-sts/cambio/internal/secret"
)

func TestTextNeverPrints(t *testing.T) {
	const canary = "canary0canary"
	hidden := secret.New(canary)
	nested := struct {
		Inner secret.Text
		inner secret.Text
	}{hidden, hidden}

	asJSON, err := json.Marshal(map[string]any{"a": hidden, "b": nested, "c": &hidden})
	require.NoError(t, err)
	asText, err := hidden.MarshalText()
	require.NoError(t, err)

	core, logs := observer.New(zapcore.DebugLevel)
	zap.New(core).Info("x", zap.Any("a", hidden), zap.Reflect("b", nested), zap.Stringer("c", hidden), zap.Object("d", hidden))
	logged, err := json.Marshal(logs.All()[0].ContextMap())
	require.NoError(t, err)

	printed := fmt.Sprintf("%v %+v %#v %s %q %x %d %v %+v %#v %v", hidden, hidden, hidden, hidden, hidden, hidden, hidden, nested, nested, nested, &hidden) +
		fmt.Errorf("wrap: %v", hidden).Error() + string(asJSON) + string(asText) + string(logged)
	require.NotContains(t, printed, canary)
	require.Contains(t, printed, secret.Redacted)
	require.Equal(t, canary, hidden.Reveal())
}

func TestTextEqual(t *testing.T) {
	require.True(t, secret.New("a").Equal(secret.New("a")))
	require.False(t, secret.New("a").Equal(secret.New("b")))
	require.False(t, secret.New("a").Equal(secret.New("aa")))
	require.True(t, secret.Text{}.Empty())
	require.False(t, secret.New("a").Empty())
}
