// Package lint says what is wrong with the pages that an estate would have
// people woken by, before anybody is.
//
// What is refused is a page that nobody could act on: an outcome that may become
// business-critical without a word on what people cannot do, on what to do first
// and meanwhile, on who is on call, who decides and by when, without a runbook,
// or resting on a resource's metric alone; and a text that tells of a person, an
// account, a document or an amount. What is advised against is what a tired
// reader stumbles over: words of the machine room, titles and sections that do
// not fit, lines that do not say what must not be done, critical windows that
// never come, and more pages in a shift than people can bear.
//
// Everything is worked out from the estate alone: nothing is asked, and the same
// estate gives the same findings in the same order.
package lint
