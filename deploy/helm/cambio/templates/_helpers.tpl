{{- define "cambio.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "cambio.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "cambio.labels" -}}
{{ include "cambio.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "cambio.serviceAccount" -}}
{{ .Values.serviceAccount.existing | default (include "cambio.name" .) }}
{{- end }}

{{- define "cambio.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* The configuration, with what the chart decides. */}}
{{- define "cambio.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $store := get $config "store" | default dict }}
{{- $_ := required "config.issuer is required" (get $config "issuer") }}
{{- $url := required "config.store.url is required" (get $store "url") }}
{{- if and (hasPrefix "bolt:" $url) (gt (int .Values.replicas) 1) }}
{{- fail "an embedded store is for one server: set replicas to 1, or config.store.url to Redis, Sentinel or Cluster" }}
{{- end }}
{{- $listen := get $config "listen" | default dict }}
{{- if not (or (get $listen "trustedProxies") (get $listen "tlsCert")) }}
{{- fail "config.listen.trustedProxies is required: the networks of the proxies that have the certificate; or listen.tlsCert and listen.tlsKey" }}
{{- end }}
{{- $_ := set $listen "addr" ":8080" }}
{{- $_ := set $listen "adminAddr" ":9090" }}
{{- $_ := set $config "listen" $listen }}
{{- $_ := set $config "masterKey" (dict "file" "/run/secrets/cambio/master.key") }}
{{- $audit := get $config "audit" | default dict }}
{{- $_ := set $audit "dir" "/var/lib/cambio/audit" }}
{{- $_ := set $config "audit" $audit }}
{{- toYaml $config }}
{{- end }}

{{- define "cambio.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities: { drop: [ALL] }
{{- end }}

{{- define "cambio.mounts" -}}
- { name: config, mountPath: /etc/cambio, readOnly: true }
- { name: master-key, mountPath: /run/secrets/cambio, readOnly: true }
- { name: state, mountPath: /var/lib/cambio }
{{- if .Values.extraSecret }}
- { name: extra, mountPath: /run/secrets/cambio-extra, readOnly: true }
{{- end }}
{{- end }}
