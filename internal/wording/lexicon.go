package wording

import "regexp"

// A term is a word of the machine room and what finance says instead.
type term struct{ word, instead string }

// lexicon lists words that say nothing to finance, in small letters; a plural
// in s is found too. The longer of two that begin alike counts.
var lexicon = []term{
	{"4xx", "errors of the caller"},
	{"5xx", "errors"},
	{"ack", "acknowledgement"},
	{"api", "interface"},
	{"backend", "what stands behind it"},
	{"cardinality", "number of series"},
	{"container", "Odoo, or the server"},
	{"cpu", "processor"},
	{"crashloop", "starts and fails again and again"},
	{"cron", "scheduled action"},
	{"cron job", "scheduled action"},
	{"daemonset", "server"},
	{"deadlock", "two that wait for each other"},
	{"dsn", "connection"},
	{"endpoint", "address"},
	{"exc info", "error"},
	{"exporter", "collector"},
	{"fsync", "writing to disk"},
	{"gevent", "live updates"},
	{"goroutine", "part of the program"},
	{"http 200", "an answer"},
	{"http 500", "an error"},
	{"http 502", "no answer from behind the ingress"},
	{"http 503", "not available"},
	{"http 504", "no answer in time"},
	{"iops", "disk operations"},
	{"jobrunner", "job runner"},
	{"jsonrpc", "request"},
	{"json rpc", "request"},
	{"k8s", "the platform"},
	{"kubectl", "the platform"},
	{"kubernetes", "the platform"},
	{"lsn", "position in the log"},
	{"mutex", "lock"},
	{"nodata", "unknown"},
	{"oom", "out of memory"},
	{"oomkilled", "out of memory"},
	{"orm", "Odoo"},
	{"p50", "half of them"},
	{"p95", "nineteen of twenty"},
	{"p99", "all but one of a hundred"},
	{"payload", "content"},
	{"pg stat", "statistics of the database"},
	{"pid", "process number"},
	{"pod", "Odoo, or the server"},
	{"promql", "query"},
	{"psycopg2", "the database"},
	{"pvc", "disk"},
	{"qps", "requests a second"},
	{"regex", "pattern"},
	{"regexp", "pattern"},
	{"rpc", "request"},
	{"segfault", "crash"},
	{"serialization failure", "several people changing the same entry"},
	{"sidecar", "helper program"},
	{"sigkill", "ended"},
	{"sigstop", "stopped"},
	{"sigterm", "ended"},
	{"sli", "what is measured"},
	{"socket", "connection"},
	{"sqlstate", "error"},
	{"stack trace", "error"},
	{"stacktrace", "error"},
	{"statefulset", "server"},
	{"stderr", "log"},
	{"stdout", "log"},
	{"syscall", "request to the system"},
	{"tcp", "connection"},
	{"traceback", "error"},
	{"tuple", "row"},
	{"vacuum", "clean-up of the database"},
	{"wal", "log of the database"},
	{"walreceiver", "standby"},
	{"walsender", "primary"},
	{"webhook", "notification"},
	{"wkhtmltopdf", "PDF engine"},
}

// allowed are phrases that hold a listed word and are the proper name of a
// thing: what people look for on the screen.
var allowed = []string{
	"access api", // what banks call the interface that consents are given for
}

// A pattern finds one sort of personal or confidential text.
type pattern struct {
	needs  string // one of these characters is always part of it; "" is any digit
	find   *regexp.Regexp
	unless *regexp.Regexp // what only looks like it
	why    string
}

// personal lists what never stands in a text: whom it is about, whose account,
// which document, how much.
var personal = []pattern{
	{
		needs: "@",
		find:  regexp.MustCompile(`[\p{L}\p{N}._%+\-]+@[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+`),
		why:   "is an e-mail address: name a role",
	},
	{
		find: regexp.MustCompile(`[A-Z]{2}[0-9]{2}(?:` + gap + `?[A-Z0-9]{4}){2,7}(?:` + gap + `?[A-Z0-9]{1,4})?`),
		why:  "looks like an IBAN: say which journal",
	},
	{
		needs: currencySymbol,
		find:  regexp.MustCompile(`(?:` + currencySymbol + gap + `?` + number + `[kKmM]?|` + number + gap + `?[kKmM]?` + gap + `?` + currencySymbol + `)`),
		why:   "is an amount: say how many",
	},
	{
		find: regexp.MustCompile(`(?:(?:` + currencyCode + `)` + gap + `?` + number + `[kKmM]?|` + number + gap + `?[kKmM]?` + gap + `?(?:` + currencyCode + `))`),
		why:  "is an amount: say how many",
	},
	{
		needs: "/",
		find:  regexp.MustCompile(`[A-Z][A-Z0-9]{1,7}/(?:[0-9]{2,4}/){1,2}[0-9]{3,}`),
		why:   "is a document number: say how many",
	},
	{
		find: regexp.MustCompile(`\p{Nd}(?:(?:` + gap + `|-)?\p{Nd}){8,}`),
		// Days and times are digits and dashes too.
		unless: regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ ][0-9]{1,2})?$`),
		why:    "is a long number: an account, a card or a telephone",
	},
}

const (
	gap            = `[ \x{00A0}\x{202F}]`
	number         = `\p{Nd}[\p{Nd}.,']*`
	currencySymbol = `[€$£¥₣₤₹₽₩₺₴₦₫₱]`
	currencyCode   = `EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|TRY|CAD|AUD|NZD|CNY|INR|BRL|MXN|ZAR|AED|SAR|SGD|HKD|ILS|Euro|euro|euros|dollars|pounds`
)

// address lists forms of address and titles that a person's name follows.
var address = []string{
	"mr", "mrs", "ms", "dr", "prof", "herr", "frau", "mag", "ing", "mme", "mlle", "monsieur", "madame", "señor", "señora", "signor", "signora", "meneer", "mevrouw",
}

// givenNames lists common given names; one of them before another word with a
// capital is a person.
var givenNames = []string{
	"alexander", "alice", "andreas", "andrew", "anna", "anne", "antonio", "barbara", "carlos", "catherine", "charles", "christian", "christine", "claire", "claudia",
	"daniel", "david", "elena", "elisabeth", "elizabeth", "emma", "eva", "fatima", "francesca", "francesco", "françois", "george", "giulia", "hans", "helen", "isabel",
	"jacques", "james", "jane", "jean", "jennifer", "johanna", "john", "josé", "julia", "karen", "karl", "katarzyna", "klaus", "laura", "linda", "lisa", "lucas",
	"luis", "maria", "marie", "mario", "markus", "martin", "mary", "matthias", "michael", "mohammed", "nicole", "olga", "patricia", "paul", "peter", "petra", "philippe",
	"piotr", "rachel", "richard", "robert", "sabine", "sandra", "sarah", "simon", "sofia", "sophie", "stefan", "stephen", "susan", "susanne", "thomas", "ursula", "william", "wolfgang",
}
