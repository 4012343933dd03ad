// Package traefiksim is a reverse proxy that leaves the traces Traefik leaves.
//
// It stands in for Traefik v3 where no Traefik binary is at hand. What a
// reader of Traefik sees is reproduced field by field from recordings of a
// real v3.6.12 (testdata): the JSON and the common access log, the
// Prometheus metrics, the headers added for the backend, the bodies of
// refusals. The oddities are part of the contract, because a collector has to
// cope with them:
//
//   - a line is written when its request ends; RequestCount tells the order
//     of arrival, so lines are not sorted by it
//   - a websocket is logged and counted with status 0
//   - a client that leaves while it waits is 499, one that leaves during its
//     upload is 502 with OriginStatus 502
//   - a response the backend cuts off keeps DownstreamStatus 200, has
//     OriginStatus and OriginDuration 0, no origin headers, and is missing
//     from every metric
//   - no healthy server, a rate limit and refused credentials leave no
//     ServiceName, ServiceAddr or ServiceURL, and no traefik_service_* sample
//   - RetryAttempts is always 0
//   - durations are integer nanoseconds in JSON, whole milliseconds in CLF
//   - an unknown method is EXTENSION_METHOD in metrics and itself in the log
//   - the query string is logged as it came
//
// Its own log has Traefik's forms, versions 2 and 3, JSON and text; what there
// is to say is brought about by RefuseChange and Complain.
//
// Not reproduced: TCP and UDP routers, providers, tracing, retry, circuit
// breaker, compression, weighted services, TLS spoken to a plain entry point,
// and the go_* and process_* families, which would describe this process.
//
// A Proxy is safe for concurrent use. Stop closes every listener, so that
// clients are refused, and Start opens the same ports again; as with a
// restarted process, counters and RequestCount begin anew.
package traefiksim
