{{/* Mounted by hand into the bot's own containers, so that a sidecar never holds the token that may impersonate. */}}
{{- define "kubeai-bot.accountVolume" -}}
- name: service-account
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: {{ int .Values.serviceAccount.tokenSeconds }}
      - configMap:
          name: kube-root-ca.crt
          items:
            - {key: ca.crt, path: ca.crt}
      - downwardAPI:
          items:
            - path: namespace
              fieldRef: {apiVersion: v1, fieldPath: metadata.namespace}
{{- end }}

{{- define "kubeai-bot.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: {{ .Values.writable.tmp }}}
- name: home
  emptyDir: {sizeLimit: {{ .Values.writable.home }}}
{{- if .Values.inCluster }}
{{ include "kubeai-bot.accountVolume" . }}
{{- end }}
{{- if eq (get .Values.env "SESSION_TYPE") "filesystem" }}
- name: sessions
  persistentVolumeClaim:
    claimName: {{ .Values.persistence.existingClaim | default (printf "%s-sessions" (include "kubeai-bot.fullname" .)) }}
{{- end }}
{{- if or .Values.config .Values.existingConfigMap }}
- name: config
  configMap:
    name: {{ .Values.existingConfigMap | default (printf "%s-config" (include "kubeai-bot.fullname" .)) }}
{{- end }}
{{- if or .Values.skills.files .Values.skills.existingConfigMap }}
- name: skills
  configMap:
    name: {{ .Values.skills.existingConfigMap | default (printf "%s-skills" (include "kubeai-bot.fullname" .)) }}
{{- end }}
{{- with .Values.kubeconfig }}
{{- if .existingSecret }}
- name: kubeconfig
  secret:
    secretName: {{ .existingSecret }}
    defaultMode: 0440
    items:
      - {key: {{ .key | quote }}, path: config}
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kubeai-bot.volumeMounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: home, mountPath: /home/kubeai}
{{- if .Values.inCluster }}
- {name: service-account, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end }}
{{- if eq (get .Values.env "SESSION_TYPE") "filesystem" }}
- {name: sessions, mountPath: {{ get .Values.env "SESSIONS_DIR" | default "/home/kubeai/.kubeai/sessions" | quote }}}
{{- end }}
{{- if or .Values.config .Values.existingConfigMap }}
- {name: config, mountPath: /etc/kubeai-bot/config, readOnly: true}
{{- end }}
{{- if or .Values.skills.files .Values.skills.existingConfigMap }}
- {name: skills, mountPath: /etc/kubeai-bot/skills, readOnly: true}
{{- end }}
{{- if .Values.kubeconfig.existingSecret }}
- {name: kubeconfig, mountPath: /etc/kubeai-bot/kubeconfig, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What the bot's container and the doctor have in common. */}}
{{- define "kubeai-bot.container" -}}
image: {{ include "kubeai-bot.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
env:
  {{- include "kubeai-bot.env" . | trim | nindent 2 }}
{{- with include "kubeai-bot.envFrom" . | trim }}
envFrom:
  {{- . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  {{- include "kubeai-bot.volumeMounts" . | trim | nindent 2 }}
{{- end }}

{{/* Containers of others, under the chart's securityContext where they have none. */}}
{{- define "kubeai-bot.others" -}}
{{- range .containers }}
{{- $own := hasKey . "securityContext" | ternary . (merge (dict "securityContext" $.securityContext) .) }}
{{ list $own | toYaml }}
{{- end }}
{{- end }}

{{- define "kubeai-bot.spread" -}}
{{- range .Values.topologySpreadConstraints }}
{{- $selector := include "kubeai-bot.selectorLabels" $ | fromYaml }}
{{- $ours := dict "labelSelector" (dict "matchLabels" $selector) "matchLabelKeys" (list "pod-template-hash") }}
{{ list (hasKey . "labelSelector" | ternary . (merge (deepCopy .) $ours)) | toYaml }}
{{- end }}
{{- end }}
