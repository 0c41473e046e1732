{{/* `plain` or `constrained`. */}}
{{- define "kubeai-bot.impersonation" -}}
{{- $asked := .Values.rbac.impersonation }}
{{- if ne $asked "auto" }}{{ $asked }}
{{- else if semverCompare ">=1.36-0" (include "kubeai-bot.kubeVersion" .) }}constrained
{{- else }}plain{{ end }}
{{- end }}

{{/* Whom the bot may act as in this cluster: {"users": […], "groups": […]}, sorted. */}}
{{- define "kubeai-bot.people" -}}
{{- $users := .Values.rbac.impersonate.users }}
{{- $groups := .Values.rbac.impersonate.groups }}
{{- $env := .Values.env }}
{{- if eq (get $env "AUTH_METHOD" | default "NONE") "NONE" }}
{{- $users = append $users (get $env "SHARED_USER" | default "kubeai-shared") }}
{{- range splitList "," (get $env "SHARED_GROUPS" | default "kubeai-readers") }}
{{- $groups = append $groups (trim .) }}
{{- end }}
{{- else }}
{{- range dig "identity" "users" list .Values.config }}
{{- $who := dig "clusters" "in-cluster" . . }}
{{- $users = append $users $who.user }}
{{- $groups = concat $groups ($who.groups | default list) }}
{{- end }}
{{- end }}
{{- dict "users" (compact $users | uniq | sortAlpha) "groups" (compact $groups | uniq | sortAlpha) | toJson }}
{{- end }}

{{/* Plain impersonation: the verb, on listed names only. */}}
{{- define "kubeai-bot.plainRules" -}}
{{- $people := include "kubeai-bot.people" . | fromJson }}
{{- range $resource := list "users" "groups" }}
{{- with get $people $resource }}
- apiGroups: [""]
  resources: [{{ $resource }}]
  verbs: [impersonate]
  resourceNames: {{ toJson . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Constrained impersonation (KEP-5284): who, and what may be done as them. */}}
{{- define "kubeai-bot.constrainedRules" -}}
{{- $people := include "kubeai-bot.people" . | fromJson }}
{{- range $resource := list "users" "groups" }}
{{- with get $people $resource }}
- apiGroups: [authentication.k8s.io]
  resources: [{{ $resource }}]
  verbs: ["impersonate:user-info"]
  resourceNames: {{ toJson . }}
{{- end }}
{{- end }}
{{- $rules := concat .Values.rbac.readRules (ternary .Values.rbac.writeRules list .Values.rbac.allowWrite) .Values.rbac.extraRules }}
{{- range $rules }}
{{- $verbs := list }}
{{- range .verbs | default (list "get" "list") }}
{{- $verbs = append $verbs (printf "impersonate-on:user-info:%s" .) }}
{{- end }}
- apiGroups: {{ toJson .apiGroups }}
  resources: {{ toJson .resources }}
  verbs: {{ toJson $verbs }}
  {{- with .resourceNames }}
  resourceNames: {{ toJson . }}
  {{- end }}
{{- end }}
- apiGroups: [authorization.k8s.io]
  resources: [selfsubjectaccessreviews]
  verbs: ["impersonate-on:user-info:create"]
- apiGroups: [authentication.k8s.io]
  resources: [selfsubjectreviews]
  verbs: ["impersonate-on:user-info:create"]
- nonResourceURLs: ["/openapi/*", "/version"]
  verbs: ["impersonate-on:user-info:get"]
{{- end }}
