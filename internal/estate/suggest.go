package estate

import "strings"

// suggest returns the known word that was probably meant by word: the same
// letters in another style (access_log), or at most two slips of the keyboard.
func suggest(word string, known []string) (string, bool) {
	if len(word) > 64 {
		return "", false
	}
	best, least := "", 3
	for _, k := range known {
		if plainLetters(k) == plainLetters(word) {
			return k, true
		}
		// Two slips in a short word make another word.
		if n := slips(plainLetters(word), plainLetters(k)); n < least && n*2 < len(k) {
			best, least = k, n
		}
	}
	return best, best != ""
}

func plainLetters(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s))
}

// slips is the number of letters to insert, drop, change or swap with their
// neighbour to make b of a.
func slips(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		twoUp, up, row := rows[0], rows[1], rows[2]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(up[j]+1, row[j-1]+1, up[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], twoUp[j-2]+1)
			}
		}
		rows = [3][]int{up, row, twoUp}
	}
	return rows[1][len(b)]
}
