package lab

import (
	"crypto/sha1" //nolint:gosec // the form of password hash Traefik reads
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"slices"

	"github.com/closewatch/closewatch/internal/lab/traefiksim"
	"github.com/closewatch/closewatch/internal/secret"
)

// writeJSON writes a configuration in JSON, which is YAML, too.
func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o600)
}

// object is a level of a configuration file.
type object = map[string]any

func traefikStatic(o traefiksim.Options, web, metrics, dynamic string) object {
	buckets := o.Buckets
	if buckets == nil {
		buckets = traefiksim.DefaultBuckets()
	}
	return object{
		"global":      object{"checkNewVersion": false, "sendAnonymousUsage": false},
		"entryPoints": object{entryPoint: object{"address": web}, "metrics": object{"address": metrics}},
		"ping":        object{"entryPoint": "metrics"},
		"providers":   object{"file": object{"filename": dynamic, "watch": true}},
		"metrics": object{"prometheus": object{
			"entryPoint": "metrics", "buckets": buckets,
			"addEntryPointsLabels": true, "addRoutersLabels": true, "addServicesLabels": true,
		}},
		"log": object{"level": "INFO", "format": "json", "filePath": o.OwnLog.Path},
		"accessLog": object{
			"filePath": o.AccessLog.Path, "format": "json", "addInternals": false,
			"fields": object{"defaultMode": "keep", "headers": object{
				"defaultMode": "keep", "names": object{"Authorization": "redact", "Cookie": "redact"},
			}},
		},
	}
}

func traefikDynamic(o traefiksim.Options) object {
	routers, middlewares, services, transports := object{}, object{}, object{}, object{}
	for _, r := range o.Routers {
		var chain []string
		add := func(kind string, conf object) {
			middlewares[r.Name+"-"+kind] = object{kind: conf}
			chain = append(chain, r.Name+"-"+kind)
		}
		if len(r.BasicAuth) > 0 {
			add("basicAuth", object{"users": htpasswd(r.BasicAuth)})
		}
		if limit := r.RateLimit; limit != nil {
			// Traefik's average is whole: say it per thousand seconds.
			add("rateLimit", object{"average": int64(limit.Average * 1000), "period": "1000s", "burst": limit.Burst})
		}
		if to := r.Redirect; to != nil {
			add("redirectScheme", object{"scheme": to.Scheme, "port": to.Port})
		}
		router := object{"rule": r.Rule(), "service": r.Service, "entryPoints": []string{entryPoint}}
		if r.Priority != 0 {
			router["priority"] = r.Priority
		}
		if len(chain) > 0 {
			router["middlewares"] = chain
		}
		routers[r.Name] = router
	}
	for _, s := range o.Services {
		servers := []object{}
		for _, url := range s.Servers {
			servers = append(servers, object{"url": url})
		}
		balancer := object{"servers": servers}
		if h := s.HealthCheck; h != nil {
			balancer["healthCheck"] = object{"path": h.Path, "interval": h.Interval.String(), "timeout": h.Timeout.String()}
		}
		if s.ResponseHeaderTimeout > 0 {
			balancer["serversTransport"] = s.Name
			transports[s.Name] = object{"forwardingTimeouts": object{"responseHeaderTimeout": s.ResponseHeaderTimeout.String()}}
		}
		services[s.Name] = object{"loadBalancer": balancer}
	}
	http := object{}
	for key, section := range map[string]object{
		"routers": routers, "middlewares": middlewares, "services": services, "serversTransports": transports,
	} {
		if len(section) > 0 { // Traefik refuses an empty section
			http[key] = section
		}
	}
	return object{"http": http}
}

// htpasswd lists users in the form of that program's -s option.
func htpasswd(users map[string]secret.Value) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(users)) {
		sum := sha1.Sum([]byte(users[name].Reveal())) //nolint:gosec // see the import
		lines = append(lines, name+":{SHA}"+base64.StdEncoding.EncodeToString(sum[:]))
	}
	return lines
}
