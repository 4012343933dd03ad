// Package preview draws a contact sheet of the dashboards: every panel in its
// place with what its queries answer now, as small charts in one HTML file that
// asks for nothing outside itself. It shows layout, colours and data where there
// is no Grafana; it is no substitute for one.
package preview
