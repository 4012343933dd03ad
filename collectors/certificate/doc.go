// Package certificate watches certificates before they stop anybody: those that
// servers show, and those that lie in files, such as the client certificates of
// bank, EDI and SAML interfaces.
//
// A target is a server, a file, or both: then the file is what the server
// should show, and a certificate that was renewed on disk and not loaded is a
// finding. Each target is a task of its own with its own deadline, so that a
// hanging server delays no other. A server is met on a new connection every
// time, with the name it is asked for in the handshake, over STARTTLS where its
// protocol wants that; nothing is sent through the connection, and no redirect
// can lead elsewhere. A handshake that fails after the server has shown its
// certificate, as one does that wants a certificate of ours, still tells.
//
// What is judged is the chain that verifies. A server may send several, of
// which an old one ends before the others: the end of a certificate is that of
// the longest-lived chain to a trusted authority, and a certificate sent along
// that no such chain needs does not count.
//
// Only what cannot name a person is published: times, the authority's name, the
// kind of key and a fingerprint. Files must be PEM; private keys in them are
// passed over.
package certificate
