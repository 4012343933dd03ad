package slo

// Records are what the systems themselves record: counters and gauges of
// collectors, and expected work.
const Records Source = "records"
