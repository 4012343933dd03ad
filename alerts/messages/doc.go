// Package messages holds the templates by which an Alertmanager writes what
// people receive: in Slack, in Microsoft Teams, by mail, in PagerDuty and in
// Opsgenie.
//
// A message leads with the alert of its group that pages, or else the one that
// matters most, and says the rest of the group in a line each, up to ten that fire
// and ten that are over. It is the page as the alert carries it, complete without
// opening a link; a message of what is over says from when to when it lasted and
// what was said last. Alerts of others, such as those of generated Prometheus
// rules, are written from their summary and description. What stands in an alert
// is text and nothing else: it mentions nobody, is no markup and hides no address
// behind words. A message keeps to the limits of the service that it is for.
//
// The templates are rendered by Alertmanager, not by us; tests render them with
// Alertmanager's own engine.
package messages
