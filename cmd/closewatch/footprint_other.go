//go:build !linux

package main

// releaseProgram does nothing where the kernel is not known to take pages back.
func releaseProgram() {}
