{{/* A number as it was written: Helm reads 1000000 as a float and would print 1e+06. */}}
{{- define "kubeai-bot.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* Variables that the chart sets itself, as a JSON object by name. */}}
{{- define "kubeai-bot.ownVariables" -}}
{{- $own := dict "LISTEN_ADDRESS" (printf "%s:%d" .Values.listen.host (int .Values.listen.port)) }}
{{- if or .Values.config .Values.existingConfigMap }}
{{- $_ := set $own "CONFIG_FILE" "/etc/kubeai-bot/config/config.yaml" }}
{{- end }}
{{- if or .Values.skills.files .Values.skills.existingConfigMap }}
{{- $_ := set $own "SKILLS_DIR" "/etc/kubeai-bot/skills" }}
{{- end }}
{{- if .Values.kubeconfig.existingSecret }}
{{- $_ := set $own "KUBECONFIG" "/etc/kubeai-bot/kubeconfig/config" }}
{{- end }}
{{- with .Values.cloudnativePG }}
{{- if or .cluster .secret }}
{{- $secret := dict "name" (.secret | default (printf "%s-app" .cluster)) "key" .key }}
{{- $_ := set $own "DATABASE_URL" (dict "valueFrom" (dict "secretKeyRef" $secret)) }}
{{- end }}
{{- end }}
{{- toJson $own }}
{{- end }}

{{/* The container's `env`. What is read from elsewhere comes first, so that $(NAME) in the others finds it. */}}
{{- define "kubeai-bot.env" -}}
{{- $all := merge (include "kubeai-bot.ownVariables" . | fromJson) .Values.env }}
{{- range $name := keys $all | sortAlpha }}
{{- $value := get $all $name }}
{{- if kindIs "map" $value }}
- name: {{ $name }}
  {{- toYaml $value | nindent 2 }}
{{- end }}
{{- end }}
{{- range $name := keys $all | sortAlpha }}
{{- $value := get $all $name }}
{{- if not (or (kindIs "map" $value) (kindIs "invalid" $value)) }}
{{- with include "kubeai-bot.text" $value }}
- name: {{ $name }}
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "kubeai-bot.envFrom" -}}
{{- with .Values.existingSecret }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- if .Values.externalSecret.enabled }}
- secretRef:
    name: {{ include "kubeai-bot.fullname" . }}-env
{{- end }}
{{- with .Values.envFrom }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Whether the variable `name` comes from somewhere that can be seen, or from a Secret or ConfigMap that cannot. */}}
{{- define "kubeai-bot.mayHave" -}}
{{- $values := .root.Values }}
{{- $own := include "kubeai-bot.ownVariables" .root | fromJson }}
{{- $external := $values.externalSecret }}
{{- $unseen := or $values.existingSecret $values.envFrom (and $external.enabled $external.dataFrom) }}
{{- $seen := or (get $values.env .name) (hasKey $own .name) (and $external.enabled (hasKey $external.data .name)) }}
{{- if or $unseen $seen }}true{{ end }}
{{- end }}
