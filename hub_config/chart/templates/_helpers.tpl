{{/* Labels of everything that this chart makes; call with (dict "root" $ "part" "portal"). */}}
{{- define "regional-hub.labels" -}}
app.kubernetes.io/name: regional-hub
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{/* Labels by which services and policies find the pods of one part. */}}
{{- define "regional-hub.selector" -}}
app.kubernetes.io/name: regional-hub
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{/* What every pod of the portal's image shares: account, volumes and pull secrets. */}}
{{- define "regional-hub.pod" -}}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
volumes:
  - name: data
    persistentVolumeClaim:
      claimName: regional-hub-data
  - name: secrets
    secret:
      secretName: {{ .Values.secret.name }}
      defaultMode: 0440
  - name: settings
    configMap:
      name: regional-hub-settings
  - name: tmp
    emptyDir: {}
{{- end }}

{{/* The same for every container. */}}
{{- define "regional-hub.container" -}}
image: "{{ .Values.image.name }}:{{ .Values.image.tag }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: ["ALL"]
env:
  - name: HUB_DATABASE__PORTAL_URL
    valueFrom:
      secretKeyRef:
        name: {{ .Values.secret.name }}
        key: portal-database-url
  - name: HUB_EMAIL__PASSWORD
    valueFrom:
      secretKeyRef:
        name: {{ .Values.secret.name }}
        key: email-password
        optional: true
  - name: REGIONAL_HUB_API
    value: http://hub:8081/hub/api
  - name: REGIONAL_HUB_LISTENS
    value: "0.0.0.0"
  - name: REGIONAL_HUB_NAMES
    value: regional-hub-portal,regional-hub-data
volumeMounts:
  - name: data
    mountPath: /var/lib/regional-hub
  - name: secrets
    mountPath: /var/lib/regional-hub/secrets
    readOnly: true
  - name: settings
    mountPath: /var/lib/regional-hub/settings.toml
    subPath: settings.toml
    readOnly: true
  - name: tmp
    mountPath: /tmp
{{- end }}

{{/* Pods wait until the job `prepare` of this revision has migrated the database and collected the page assets. */}}
{{- define "regional-hub.wait" -}}
- name: wait-for-prepare
  command:
    - sh
    - -c
    - until test -e /var/lib/regional-hub/.prepared-{{ .Release.Revision }}; do sleep 1; done
  {{- include "regional-hub.container" . | nindent 2 }}
{{- end }}
