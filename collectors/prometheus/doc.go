// Package prometheus makes signals of what an existing Prometheus,
// VictoriaMetrics, Mimir or Thanos already knows: an estate declares PromQL
// expressions with thresholds, and what nodes, kubelets and other exporters
// tell is read there instead of being measured again.
//
// Each query is a task of its own with its own deadline: one instant query over
// the HTTP API, a GET, at the latest whole multiple of its interval, so that
// two replicas ask for the same instant. At most four are under way for a
// component; the others wait within their deadlines. How long a query took,
// when it last succeeded and what its failures were is told by the daemon's
// metrics about collectors, where the query is the collector's name.
//
// The series of an answer are made one for each combination of the labels the
// estate names under by, by its rule: max, min, sum or count. There are at most
// fifty of them; the others become one with the value "other" in every label,
// which is the worst of them. The server is asked not to look back farther than
// the query's fresh, and a sample that is older does not count. A Prometheus
// before 2.44, or another server that does not know the parameter, looks back
// five minutes in any case: for those the expression says it, as in x and
// timestamp(x) > time() - 120.
//
// What is not known is not told: no series is no value, not 0, unless the
// expression itself says so (or vector(0)); not-a-number does not count; a
// string, a range and a native histogram are failures. A server that tells that
// its answer is partial (warnings, isPartial) leaves the value unknown as well,
// unless the query says partial: use. After a failure the last value counts
// until it is no longer fresh. Texts of the server are bounded, and label sets
// and secrets in them are blanked.
package prometheus
