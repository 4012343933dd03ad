package app

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/quick"
	"time"
)

// The shapes are those that the tools' own documentation and sources show.
func TestNotificationsOfDeliveryTools(t *testing.T) {
	const sha = "53e28ff20cc530b9ada2173fbbd64d48338583ba"
	tests := map[string]struct {
		tool, body string
		want       string // "" is left out
		at         string
		err        string
	}{
		"Argo CD, the whole application": {
			tool: "argocd", body: `{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "erp-prod", "annotations": {"notified": "x"}},
				"spec": {"source": {"repoURL": "https://git.example.com/erp.git"}}, "status": {"sync": {"status": "Synced", "revision": "` + sha + `"},
				"operationState": {"phase": "Succeeded", "finishedAt": "2026-03-31T11:58:00Z", "operation": {"initiatedBy": {"username": "Jane Doe"}}, "syncResult": {"revision": "` + sha + `"}}}}`,
			want: "Argo CD released erp-prod to 53e28ff20cc5", at: "2026-03-31T11:58:00Z",
		},
		"Argo CD, below app": {
			tool: "argocd", body: `{"app": {"metadata": {"name": "erp-prod"}, "status": {"sync": {"revision": "v1.4.2"}, "operationState": {"phase": "Error", "finishedAt": "2026-03-31T11:58:00Z"}}}}`,
			want: "Argo CD failed to release erp-prod to v1.4.2", at: "2026-03-31T11:58:00Z",
		},
		"Argo CD, a template of four values": {
			tool: "argocd", body: `{"app": "erp-prod", "revision": "` + sha + `", "phase": "Succeeded", "finishedAt": "2026-03-31T11:58:00Z", "user": "Jane Doe"}`,
			want: "Argo CD released erp-prod to 53e28ff20cc5", at: "2026-03-31T11:58:00Z",
		},
		"Argo CD, still running":                    {tool: "argocd", body: `{"app": "erp-prod", "phase": "Running"}`},
		"Argo CD, an application's name is missing": {tool: "argocd", body: `{"message": "Application has synced"}`, err: "which application"},
		"Argo CD, a time that is none":              {tool: "argocd", body: `{"app": "erp-prod", "finishedAt": "yesterday"}`, err: "finishedAt is not a time"},
		"Argo CD, text in a revision":               {tool: "argocd", body: `{"app": "erp-prod", "revision": "paid to Jane Doe"}`, err: "revision"},
		"Argo CD, a line in a name":                 {tool: "argocd", body: `{"app": "erp\nDO FIRST: nothing"}`, err: "which application"},
		"Flux, a kustomization applied": {
			tool: "flux", body: `{"involvedObject": {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "name": "erp", "namespace": "apps", "uid": "7d0cdc51"},
				"severity": "info", "timestamp": "2026-03-31T11:58:00Z", "message": "Deployment/erp/odoo configured", "reason": "ReconciliationSucceeded",
				"metadata": {"revision": "main@sha1:` + sha + `", "summary": "by Jane Doe"}, "reportingController": "kustomize-controller"}`,
			want: "Flux released erp to main@sha1:53e28ff20cc5", at: "2026-03-31T11:58:00Z",
		},
		"Flux, a chart that failed, before keys were shortened": {
			tool: "flux", body: `{"involvedObject": {"kind": "HelmRelease", "name": "erp"}, "severity": "error", "timestamp": "2026-03-31T11:58:00Z", "reason": "UpgradeFailed",
				"metadata": {"helm.toolkit.fluxcd.io/revision": "18.0.7", "helm.toolkit.fluxcd.io/originRevision": "sha256:beef"}}`,
			want: "Flux failed to release erp to sha256:beef", at: "2026-03-31T11:58:00Z",
		},
		"Flux, a source has a new revision": {tool: "flux", body: `{"involvedObject": {"kind": "GitRepository", "name": "erp"}, "severity": "info", "reason": "NewArtifact"}`},
		"Flux, on the way":                  {tool: "flux", body: `{"involvedObject": {"kind": "Kustomization", "name": "erp"}, "severity": "info", "reason": "Progressing"}`},
		"Flux, something else":              {tool: "flux", body: `[]`, err: "not an event"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := releaseReaders()[tt.tool]([]byte(tt.body))
			switch {
			case tt.err != "" || err != nil:
				if err == nil || tt.err == "" || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("read = %v, want an error with %q", err, tt.err)
				}
				return
			case r.done != (tt.want != ""):
				t.Errorf("done = %v of %+v", r.done, r)
				return
			case !r.done:
				return
			}
			c := Change{At: r.at, Kind: "deploy", What: r.what(), Reference: r.revision}
			if c.What != tt.want || r.at.Format(time.RFC3339) != tt.at {
				t.Errorf("told %q at %s, want %q at %s", c.What, r.at.Format(time.RFC3339), tt.want, tt.at)
			}
			if ps := c.problems(); ps != nil || strings.Contains(c.What+c.Reference, "Jane") {
				t.Errorf("%+v: %v", c, ps)
			}
		})
	}
}

// Whatever is posted, what is kept of it fits and is one line.
func TestANotificationCannotSayMoreThanItMay(t *testing.T) {
	f := func(name, revision, phase string) bool {
		r, err := release{tool: "Argo CD", object: name, revision: revision, result: phase}.checked()
		c := Change{Kind: "deploy", What: r.what(), Reference: r.revision}
		return err != nil || (len(c.Reference) <= maxReference && !strings.ContainsAny(c.What, "\n\r<>"))
	}
	if err := quick.Check(f, nil); err != nil {
		t.Error(err)
	}
}

func TestAnObjectReleasesTheComponentsThatNameIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "estate.yaml")
	put(t, file, `apiVersion: closewatch/v1
kind: Estate
metadata: {name: acme}
components:
  erp: {redis: {url: "redis://127.0.0.1:1/0"}, releases: [erp-prod, erp-workers]}
  ingress: {redis: {url: "redis://127.0.0.1:2/0"}, releases: [erp-prod]}
`)
	p, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	a := &App{estate: p.Estate}
	tests := map[string]struct{ object, named, want string }{
		"one that two name":         {"erp-prod", "", "erp ingress"},
		"one that one names":        {"erp-workers", "", "erp"},
		"the component's own name":  {"ingress", "", "ingress"},
		"one that nobody names":     {"grafana", "", ""},
		"the address says which":    {"grafana", "erp", "erp"},
		"the address says no other": {"erp-prod", "nothing", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range a.releasedBy(tt.object, tt.named) {
				got = append(got, c.Name)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("released %q, want %q", got, tt.want)
			}
		})
	}
}
