{{/* The on-call's first five questions as alerts. `{{ "{{" }} … }}` is Prometheus' own templating. */}}
{{- define "kubeai-bot.alerts" -}}
{{- $name := include "kubeai-bot.fullname" . }}
{{- $place := printf `namespace="%s",job="%s"` .Release.Namespace $name }}
{{- $me := .Values.prometheusRule.selector | default $place }}
{{- $logs := printf "kubectl -n %s logs deployment/%s" .Release.Namespace $name }}
# 1. Is it up, and connected to Slack?
- alert: KubeaiBotDown
  expr: absent(up{ {{- $me -}} } == 1)
  for: 5m
  severity: critical
  summary: kubeai-bot does not run.
  description: "No replica of {{ .Release.Namespace }}/{{ $name }} answers Prometheus. Look at its pods, and at the log of the container doctor."
- alert: KubeaiBotNotReady
  expr: kube_deployment_status_replicas_available{namespace="{{ .Release.Namespace }}",deployment="{{ $name }}"} == 0
  for: 5m
  severity: critical
  summary: kubeai-bot runs, but cannot serve.
  description: "Slack, the session store or the credentials do not work: /readyz of a pod says which. {{ $logs }}"
- alert: KubeaiBotSlackFailing
  expr: |
    sum(rate(kubeai_slack_calls_total{ {{- $me -}} ,outcome!="ok"}[10m]))
      / sum(rate(kubeai_slack_calls_total{ {{- $me -}} }[10m])) > 0.2
  for: 10m
  severity: critical
  summary: Slack refuses kubeai-bot's calls.
  description: {{ `"{{ $value | humanizePercentage }} of the calls to Slack fail: Slack's status, then the app's tokens and scopes."` }}
- alert: KubeaiBotSlackRateLimited
  expr: sum(increase(kubeai_slack_rate_limited_total{ {{- $me -}} }[15m])) > 30
  for: 15m
  severity: warning
  summary: Slack slows kubeai-bot down.
  description: {{ `"{{ $value | humanize }} calls were put off by Slack within 15 minutes: answers appear late."` }}
# 2. Are answers slow or failing?
- alert: KubeaiBotTurnsFailing
  expr: |
    sum(rate(kubeai_turns_total{ {{- $me -}} ,outcome="failed"}[15m]))
      / sum(rate(kubeai_turns_total{ {{- $me -}} }[15m])) > 0.2
  for: 10m
  severity: critical
  summary: Answers of kubeai-bot fail.
  description: {{ `"{{ $value | humanizePercentage }} of the turns end without an answer. The log names the reason by turn."` }}
- alert: KubeaiBotSlowFirstSign
  expr: |
    histogram_quantile(0.95, sum by (le) (rate(kubeai_first_sign_seconds_bucket{ {{- $me -}} }[15m]))) > 5
  for: 15m
  severity: warning
  summary: People wait long for kubeai-bot's first sign.
  description: {{ `"One in twenty questions waits {{ $value | humanizeDuration }} until anything is shown: more replicas, or look at the store and Slack."` }}
- alert: KubeaiBotSlowFirstToken
  expr: |
    histogram_quantile(0.95, sum by (le) (rate(kubeai_first_token_seconds_bucket{ {{- $me -}} }[15m]))) > 30
  for: 15m
  severity: warning
  summary: kubeai-bot's model is slow to answer.
  description: {{ `"One in twenty model calls takes {{ $value | humanizeDuration }} to its first word."` }}
- alert: KubeaiBotBacklog
  expr: max(kubeai_queue_depth{ {{- $me -}} }) > 20
  for: 5m
  severity: warning
  summary: Questions to kubeai-bot queue up.
  description: {{ `"{{ $value }} conversations wait for a runner: more replicas, or something that each turn waits for is slow."` }}
# 3. Is the model failing, or limited?
- alert: KubeaiBotModelFailing
  expr: |
    sum by (provider, model) (rate(kubeai_model_requests_total{ {{- $me -}} ,outcome!="ok"}[10m]))
      / sum by (provider, model) (rate(kubeai_model_requests_total{ {{- $me -}} }[10m])) > 0.2
  for: 10m
  severity: critical
  summary: The model refuses kubeai-bot's requests.
  description: {{ `"{{ $value | humanizePercentage }} of the requests to {{ $labels.provider }}/{{ $labels.model }} fail: key, quota, rate limit or the vendor's status. The label outcome says which."` }}
# 4. Is the store failing?
- alert: KubeaiBotStoreFailing
  expr: sum(rate(kubeai_store_errors_total{ {{- $me -}} }[5m])) > 0
  for: 5m
  severity: critical
  summary: kubeai-bot's session store fails.
  description: "Messages are not acknowledged, and lost after six minutes: look at the database or the volume. {{ $logs }}"
- alert: KubeaiBotStoreSlow
  expr: |
    histogram_quantile(0.99, sum by (le) (rate(kubeai_store_seconds_bucket{ {{- $me -}} }[10m]))) > 1
  for: 15m
  severity: warning
  summary: kubeai-bot's session store is slow.
  description: {{ `"One in a hundred operations takes {{ $value | humanizeDuration }}."` }}
# 5. Are people refused, or clusters and tools out of reach?
- alert: KubeaiBotPeopleRefused
  expr: sum(increase(kubeai_identities_denied_total{ {{- $me -}} }[1h])) > 20
  for: 5m
  severity: warning
  summary: kubeai-bot turns people away.
  description: {{ `"{{ $value | humanize }} questions within an hour came from people without an identity or a right to ask: config.identity.users, ALLOWED_USERS, or somebody who tries."` }}
- alert: KubeaiBotClusterUnreachable
  expr: |
    sum by (cluster) (rate(kubeai_cluster_requests_total{ {{- $me -}} ,outcome=~"unreachable|timeout|error|5.."}[10m]))
      / sum by (cluster) (rate(kubeai_cluster_requests_total{ {{- $me -}} }[10m])) > 0.2
  for: 10m
  severity: warning
  summary: kubeai-bot does not reach a cluster.
  description: {{ `"{{ $value | humanizePercentage }} of the requests to cluster {{ $labels.cluster }} get no answer."` }}
- alert: KubeaiBotMcpServerDown
  expr: max by (server) (kubeai_mcp_server_up{ {{- $me -}} }) == 0
  for: 10m
  severity: warning
  summary: kubeai-bot has lost an MCP server.
  description: {{ `"No replica is connected to {{ $labels.server }}: its tools are not offered. The word status in Slack says why."` }}
{{- end }}
