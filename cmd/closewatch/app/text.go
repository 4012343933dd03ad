package app

// clip bounds what an error may say on a page.
func clip(text string) string {
	const limit = 300
	if s := []rune(text); len(s) > limit {
		return string(s[:limit-1]) + "…"
	}
	return text
}
