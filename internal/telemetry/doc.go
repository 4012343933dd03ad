// Package telemetry is how the daemon tells about itself: log lines (NewLog),
// traces and OTLP metrics (Start), the counters of its own hot paths (Own), the
// metrics of its process (Process) and their push to a VictoriaMetrics that
// cannot reach it (Push).
//
// Nothing leaves the machine unless an endpoint is configured. Spans have valid
// ids either way, so that a trace id can be shown and sent to a monitored
// system although nobody collects traces. No error of an exporter reaches the
// program: it is logged when it begins and when it is over, and counted.
package telemetry
