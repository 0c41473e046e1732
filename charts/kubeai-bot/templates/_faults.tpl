{{/* Every combination of values that cannot work, as one sentence each that says what to do. */}}
{{- define "kubeai-bot.faults" -}}
{{- include "kubeai-bot.storeFaults" . }}
{{- include "kubeai-bot.environmentFaults" . }}
{{- include "kubeai-bot.identityFaults" . }}
{{- include "kubeai-bot.rightsFaults" . }}
{{- include "kubeai-bot.networkFaults" . }}
{{- include "kubeai-bot.podFaults" . }}
{{- end }}

{{- define "kubeai-bot.storeFaults" -}}
{{- $env := .Values.env }}
{{- $type := get $env "SESSION_TYPE" | default "memory" }}
{{- if ne $type "postgres" }}
{{- if .Values.autoscaling.enabled }}
- autoscaling.enabled needs sessions that replicas share, but env.SESSION_TYPE is {{ $type }}: set env.SESSION_TYPE=postgres, or autoscaling.enabled=false.
{{- else if gt (int .Values.replicaCount) 1 }}
- replicaCount is {{ int .Values.replicaCount }}, but env.SESSION_TYPE={{ $type }} works with one replica only: set env.SESSION_TYPE=postgres, or replicaCount=1.
{{- end }}
{{- range $name := list "DATABASE_URL" "DATABASE_URL_FILE" "DATABASE_MIGRATION_URL" "DATABASE_SCHEMA" "DATABASE_POOL_SIZE" }}
{{- if get $env $name }}
- env.{{ $name }} is only used with env.SESSION_TYPE=postgres, but that is {{ $type }}: change it, or remove env.{{ $name }}.
{{- end }}
{{- end }}
{{- if or .Values.cloudnativePG.cluster .Values.cloudnativePG.secret }}
- cloudnativePG is only used with env.SESSION_TYPE=postgres, but that is {{ $type }}: change it, or remove cloudnativePG.
{{- end }}
{{- else }}
{{- if not (or (include "kubeai-bot.mayHave" (dict "root" . "name" "DATABASE_URL")) (get $env "DATABASE_URL_FILE")) }}
- env.SESSION_TYPE=postgres needs a database: put DATABASE_URL into the Secret of existingSecret, or set cloudnativePG.cluster or env.DATABASE_URL.
{{- end }}
{{- if and (or .Values.cloudnativePG.cluster .Values.cloudnativePG.secret) (or (get $env "DATABASE_URL") (get $env "DATABASE_URL_FILE")) }}
- cloudnativePG and env.DATABASE_URL (or DATABASE_URL_FILE) name two databases: remove one of the two.
{{- end }}
{{- end }}
{{- if and (eq $type "filesystem") (not (or .Values.persistence.enabled .Values.persistence.existingClaim)) }}
- env.SESSION_TYPE=filesystem needs a volume, or all sessions are lost with the pod: set persistence.enabled=true or persistence.existingClaim (or choose memory).
{{- end }}
{{- if and (get $env "SESSIONS_DIR") (ne $type "filesystem") }}
- env.SESSIONS_DIR is only used with env.SESSION_TYPE=filesystem, but that is {{ $type }}: remove env.SESSIONS_DIR.
{{- end }}
{{- end }}

{{- define "kubeai-bot.environmentFaults" -}}
{{- $root := . }}
{{- $own := include "kubeai-bot.ownVariables" . | fromJson }}
{{- $setBy := dict "LISTEN_ADDRESS" "listen.host and listen.port" "CONFIG_FILE" "config or existingConfigMap" "SKILLS_DIR" "skills" "KUBECONFIG" "kubeconfig.existingSecret" }}
{{- range $name, $value := .Values.env }}
{{- if and (hasKey $own $name) (hasKey $setBy $name) }}
- env.{{ $name }} is set by the chart: use {{ get $setBy $name }}, and remove env.{{ $name }}.
{{- end }}
{{- if and (regexMatch "(_TOKEN|_SECRET|_KEY|_PASSWORD|_HEADERS)$|^MCP_AUTH_" $name) (kindIs "string" $value) $value (not (regexMatch "^(>>)?[a-z][a-z0-9+.-]*:[^ ]|^\\$\\(" $value)) }}
- env.{{ $name }} is a secret in plain text: put it into a Secret and name that in existingSecret, or give a reference such as piggy:NAME.
{{- end }}
{{- end }}
{{- $slack := ternary "SLACK_APP_TOKEN" "SLACK_SIGNING_SECRET" (eq .Values.slackTransport "socket") }}
{{- $other := ternary "SLACK_SIGNING_SECRET" "SLACK_APP_TOKEN" (eq .Values.slackTransport "socket") }}
{{- if or (get .Values.env $other) (hasKey .Values.externalSecret.data $other) }}
- slackTransport={{ .Values.slackTransport }} uses {{ $slack }}, but {{ $other }} is set: remove it, or change slackTransport.
{{- end }}
{{- $provider := get .Values.env "LLM_PROVIDER" | default "openai" }}
{{- $needed := list "SLACK_BOT_TOKEN" $slack "MODEL_ID" }}
{{- if eq $provider "azure" }}
{{- $needed = concat $needed (list "AZURE_OPENAI_ENDPOINT" "AZURE_OPENAI_API_KEY" "AZURE_OPENAI_API_VERSION") }}
{{- else if eq $provider "gemini" }}
{{- $needed = append $needed "GEMINI_API_KEY" }}
{{- else if eq $provider "vertex" }}
{{- $needed = append $needed "GOOGLE_CLOUD_PROJECT" }}
{{- else if not (get .Values.env "OPENAI_BASE_URL") }}
{{- $needed = append $needed "OPENAI_API_KEY" }}
{{- end }}
{{- range $needed }}
{{- if not (include "kubeai-bot.mayHave" (dict "root" $root "name" .)) }}
- {{ . }} comes from nowhere: put it into a Secret and name that in existingSecret{{ if not (regexMatch "_TOKEN$|_SECRET$|_KEY$" .) }}, or set env.{{ . }}{{ end }}.
{{- end }}
{{- end }}
{{- with .Values.externalSecret }}
{{- if and .enabled (not .secretStoreRef.name) }}
- externalSecret.enabled needs externalSecret.secretStoreRef.name: the SecretStore to read from.
{{- end }}
{{- if and .enabled (not .data) (not .dataFrom) }}
- externalSecret.enabled needs externalSecret.data (or dataFrom): which variables are to be read from where.
{{- end }}
{{- end }}
{{- end }}

{{- define "kubeai-bot.identityFaults" -}}
{{- $env := .Values.env }}
{{- $method := get $env "AUTH_METHOD" | default "NONE" }}
{{- $people := dig "identity" "users" list .Values.config }}
{{- if and .Values.config .Values.existingConfigMap }}
- config and existingConfigMap both give CONFIG_FILE: remove one of the two.
{{- end }}
{{- if and .Values.skills.files .Values.skills.existingConfigMap }}
- skills.files and skills.existingConfigMap both give the skills: remove one of the two.
{{- end }}
{{- if and (eq $method "MAPPING") (not $people) (not .Values.existingConfigMap) (not (get $env "CONFIG_FILE")) }}
- env.AUTH_METHOD=MAPPING needs people: fill config.identity.users (docs/configuration.md), or set env.AUTH_METHOD=NONE.
{{- end }}
{{- if and (ne $method "MAPPING") $people }}
- config.identity.users maps people, but env.AUTH_METHOD is {{ $method }}: set env.AUTH_METHOD=MAPPING.
{{- end }}
{{- if eq (get $env "IMPERSONATE" | toString | lower) "false" }}
- env.IMPERSONATE=false is for a laptop: in a cluster the bot acts as the person who asks. Remove env.IMPERSONATE.
{{- end }}
{{- if and .Values.rbac.sharedView.enabled (ne $method "NONE") }}
- rbac.sharedView binds the shared groups of env.AUTH_METHOD=NONE, but that is {{ $method }}: set rbac.sharedView.enabled=false, and bind your people's own groups.
{{- end }}
{{- if has .Values.rbac.sharedView.clusterRole (list "cluster-admin" "admin" "edit") }}
- rbac.sharedView.clusterRole={{ .Values.rbac.sharedView.clusterRole }} can read Secrets: use view, or a ClusterRole of your own that cannot.
{{- end }}
{{- end }}

{{- define "kubeai-bot.rightsFaults" -}}
{{- $rbac := .Values.rbac }}
{{- $mode := get .Values.env "MODIFY_RESOURCES" | default "none" }}
{{- $method := get .Values.env "AUTH_METHOD" | default "NONE" }}
{{- if and (not .Values.inCluster) (not .Values.kubeconfig.existingSecret) (not (get .Values.env "KUBECONFIG")) }}
- inCluster=false leaves no cluster to look at: set kubeconfig.existingSecret, or inCluster=true.
{{- end }}
{{- if and .Values.inCluster $rbac.create }}
{{- if and (ne $mode "none") (not $rbac.allowWrite) }}
- env.MODIFY_RESOURCES={{ $mode }} needs write rights: set rbac.allowWrite=true, or env.MODIFY_RESOURCES=none.
{{- end }}
{{- if and (eq $mode "none") $rbac.allowWrite }}
- rbac.allowWrite=true grants what env.MODIFY_RESOURCES=none never uses: set env.MODIFY_RESOURCES to allow or auto, or rbac.allowWrite=false.
{{- end }}
{{- if and (eq $rbac.impersonation "constrained") (semverCompare "<1.36-0" (include "kubeai-bot.kubeVersion" .)) }}
- rbac.impersonation=constrained needs Kubernetes 1.36, but this is {{ include "kubeai-bot.kubeVersion" . }}: set rbac.impersonation=auto (or kubeVersion, where nothing is connected).
{{- end }}
{{- $people := include "kubeai-bot.people" . | fromJson }}
{{- if not $people.users }}
{{- if or .Values.existingConfigMap (get .Values.env "CONFIG_FILE") }}
- rbac cannot see whom the CONFIG_FILE that you give names: list them in rbac.impersonate.users and rbac.impersonate.groups.
{{- end }}
{{- end }}
{{- range concat $people.users $people.groups }}
{{- if hasPrefix "system:" (toString .) }}
- {{ . }} cannot be impersonated: names that begin with system: are Kubernetes' own. Remove it.
{{- end }}
{{- if contains "${" (toString .) }}
- {{ . }} is known only when the bot runs: write the name out in config.identity.users, or mount the file with existingConfigMap and list the names in rbac.impersonate.
{{- end }}
{{- if eq "*" (toString .) }}
- rbac.impersonate must list names: * would name nobody but a user called so.
{{- end }}
{{- end }}
{{- include "kubeai-bot.ruleFaults" . }}
{{- end }}
{{- end }}

{{- define "kubeai-bot.ruleFaults" -}}
{{- $rbac := .Values.rbac }}
{{- range $name := list "readRules" "writeRules" "extraRules" }}
{{- range $rule := get $rbac $name }}
{{- $core := or (has "" $rule.apiGroups) (has "*" $rule.apiGroups) }}
{{- range $rule.resources }}
{{- if and $core (or (hasPrefix "secrets" .) (hasPrefix "*" .)) }}
- rbac.{{ $name }} would let the bot see Secrets ({{ . }} in the core group), which it never may: list the other resources by name.
{{- else if and $core (has . (list "serviceaccounts/token" "nodes/proxy" "pods/proxy" "services/proxy")) }}
- rbac.{{ $name }} has {{ . }}, which leads around all other rights: remove it.
{{- end }}
{{- end }}
{{- $writes := without ($rule.verbs | default (list "get")) "get" "list" "watch" }}
{{- if and (eq $name "readRules") $writes }}
- rbac.readRules has the verb {{ first $writes }}: put what changes something into rbac.writeRules.
{{- end }}
{{- if and (eq $name "extraRules") $writes (not $rbac.allowWrite) }}
- rbac.extraRules has the verb {{ first $writes }}, but rbac.allowWrite is false: use get and list, or set rbac.allowWrite=true.
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "kubeai-bot.networkFaults" -}}
{{- $public := ternary "ingress" "httpRoute" .Values.ingress.enabled }}
{{- if or .Values.ingress.enabled .Values.httpRoute.enabled }}
{{- if ne .Values.slackTransport "http" }}
- {{ $public }}.enabled makes the bot public, but slackTransport=socket needs no public address: set slackTransport=http, or {{ $public }}.enabled=false.
{{- end }}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.allowFrom) }}
- {{ $public }}.enabled needs a way through the NetworkPolicy: name the controller's pods in networkPolicy.allowFrom, for example [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress-nginx}}}].
{{- end }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
- ingress.enabled needs ingress.hosts: the public names of the bot.
{{- end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
- httpRoute.enabled needs httpRoute.parentRefs: the gateways that it belongs to.
{{- end }}
{{- if and .Values.serviceMonitor.enabled .Values.networkPolicy.enabled (not .Values.networkPolicy.allowFrom) }}
- serviceMonitor.enabled needs a way through the NetworkPolicy: name Prometheus' pods in networkPolicy.allowFrom, for example [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}].
{{- end }}
{{- end }}

{{- define "kubeai-bot.podFaults" -}}
{{- if and (eq .Values.image.tag "latest") (not .Values.image.digest) }}
- image.tag=latest changes under a running release: give a version, or image.digest.
{{- end }}
{{- if gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas) }}
- autoscaling.minReplicas is above autoscaling.maxReplicas: change one of the two.
{{- end }}
{{- if lt (int .Values.terminationGracePeriodSeconds) (add 30 (int .Values.preStopSeconds) | int) }}
- terminationGracePeriodSeconds is {{ int .Values.terminationGracePeriodSeconds }}, but a stop takes up to 30 seconds after preStopSeconds: set it to {{ add 30 (int .Values.preStopSeconds) }} or more, or running turns are cut off.
{{- end }}
{{- if and (eq (int .Values.rollingUpdate.maxSurge) 0) (eq (int .Values.rollingUpdate.maxUnavailable) 0) }}
- rollingUpdate.maxSurge and maxUnavailable are both 0, so that no update could begin: set maxSurge to 1.
{{- end }}
{{- end }}
