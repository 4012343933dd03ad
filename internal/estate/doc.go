// Package estate is the configuration model: everything one file declares.
//
// A file is decoded strictly and every mistake is reported in one go, each with
// file, line, column, what is wrong and what to write instead. The package does
// not know what a collector or a flow is configured with: their sections stay
// raw, as a Section, until their owner decodes them with the same strictness
// and the same positions.
package estate
