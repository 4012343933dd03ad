package traefik

// An outcome is how a request ended; see the package comment.
type outcome uint8

const (
	served outcome = iota
	clientError
	limited
	aborted
	upstream
	serverError
	outcomes // how many there are
)

var outcomeNames = [outcomes]string{"ok", "client", "limited", "aborted", "upstream", "server"}

// judge says how a request ended. always200 marks the calls Odoo answers with
// 200 whatever happens: there, 404 and redirects are how it says that it has
// no database.
func judge(r *request, always200 bool) outcome {
	s := r.Status
	switch {
	case s == 0 || s == 101:
		return served
	case s == 429:
		return limited
	case s == 499:
		return aborted
	case s == 502 && r.BodySize >= 0 && r.BodySize < r.ContentLength:
		return aborted
	case s >= 502 && s <= 504:
		return upstream
	case s >= 500:
		return serverError
	case always200 && (s == 404 || s >= 300 && s < 400):
		return upstream
	case s >= 400:
		return clientError
	case s >= 200 && s < 300 && r.cutShort():
		return upstream
	}
	return served
}

// cutShort reports a body that broke off after its status had been sent:
// Traefik logs the status, but no answer of the origin it had chosen.
func (r *request) cutShort() bool {
	return r.Service && r.OriginStatus == 0 && r.OriginDuration == 0
}
