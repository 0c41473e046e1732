{{- define "kubeai-bot.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Short enough for the longest suffix of an object that is named after it. */}}
{{- define "kubeai-bot.fullname" -}}
{{- $name := include "kubeai-bot.name" . }}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- .Values.fullnameOverride | default $full | trunc 46 | trimSuffix "-" }}
{{- end }}

{{/* Objects without a namespace carry the release's, so that two releases never share one. */}}
{{- define "kubeai-bot.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "kubeai-bot.fullname" .) }}
{{- end }}

{{- define "kubeai-bot.selectorLabels" -}}
app.kubernetes.io/name: {{ include "kubeai-bot.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kubeai-bot.labels" -}}
{{ include "kubeai-bot.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kubeai-bot.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "kubeai-bot.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "kubeai-bot.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "kubeai-bot.kubeVersion" -}}
{{- .Values.kubeVersion | default .Capabilities.KubeVersion.Version }}
{{- end }}

{{/* Whether more than one replica may run. */}}
{{- define "kubeai-bot.manyReplicas" -}}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1) }}true{{ end }}
{{- end }}

{{- define "kubeai-bot.isPostgres" -}}
{{- if eq (get .Values.env "SESSION_TYPE" | default "memory") "postgres" }}true{{ end }}
{{- end }}
