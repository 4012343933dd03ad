package process

// Certificate is a kind of component that processes need through others only.
const Certificate = "certificate"

// rests lists, for a kind of component, the kinds it rests on where an estate
// says nothing else: Odoo is seen through its ingress, and works neither without
// its database nor with a session store that does not answer.
var rests = map[string][]string{
	Odoo:    {Postgres, Redis, Traefik},
	Traefik: {Certificate},
}

// RestsOn lists the kinds of component that one of a kind rests on unless an
// estate says otherwise.
func RestsOn(kind string) []string { return rests[kind] }
