package oauth2_test

import (
	"context"

	"golang.org/x/oauth2"

	verifyoauth2 "github.com/cambio-sts/cambio/verify/oauth2"
)

func ExampleNew() {
	ctx := context.Background()

	source, err := verifyoauth2.New(verifyoauth2.Config{
		Issuer:   "https://sts.example.com",
		Audience: "https://orders.example.com",
		PAT:      verifyoauth2.FromFile("/run/secrets/orders-pat"),
	})
	if err != nil {
		panic(err)
	}
	client := oauth2.NewClient(ctx, source)
	_ = client
}
