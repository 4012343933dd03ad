package odoorpc

import (
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestScrub(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"a rule":              {"You need to add a line before posting.", "You need to add a line before posting."},
		"an amount":           {"The total of debits equals $\u00a0100.00 and credits 50.00 EUR", "The total of debits equals … ###.## and credits ##.## …"},
		"a partner":           {"Customer Acme Holding BV is blocked since 2026-01-03.", "… is blocked since ####-##-##."},
		"a quoted phrase":     {"You are not allowed to create 'Bank Statement Line' (account.bank.statement.line) records.", "You are not allowed to create … (account.bank.statement.line) records."},
		"a quoted field":      {"Invalid field 'move_type' on model 'account.move'", "Invalid field 'move_type' on model 'account.move'"},
		"a plain field":       {"Invalid field 'email' on model 'res.partner'", "Invalid field 'email' on model 'res.partner'"},
		"a quoted value":      {"Wrong value for account.move.move_type: 'bogus'", "Wrong value for account.move.move_type: …"},
		"an e-mail address":   {"No such user jane.roe@example.com", "No such user …"},
		"a document":          {"The move (Draft Entry MISC/2026/11/0001) is not balanced.", "The move (Draft Entry … is not balanced."},
		"an apostrophe":       {"The method doesn't exist", "The method doesn't exist"},
		"another script":      {"Клиент заблокирован", "…"},
		"a second paragraph":  {"Access Denied\n\nJane Roe (id=8)", "Access Denied"},
		"nothing":             {"", ""},
		"a quote without end": {"You 'never know where this ends", "You …"},
		"a redirect's action": {"There are still unposted entries.\n{'name': 'Jane'}", "There are still unposted entries."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Scrub(tt.in); got != tt.want {
				t.Errorf("Scrub(%q)\n got %q\nwant %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestScrubIsBoundedAndKeepsNoDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		out := Scrub(rapid.String().Draw(t, "message"))
		if utf8.RuneCountInString(out) > maxText {
			t.Fatalf("%d runes", utf8.RuneCountInString(out))
		}
		for _, r := range out {
			if r >= '0' && r <= '9' {
				t.Fatalf("a digit in %q", out)
			}
		}
	})
}

func FuzzScrub(f *testing.F) {
	f.Add("You cannot add/modify entries prior to and inclusive of the lock date 10/31/2026.")
	f.Add("'")
	f.Fuzz(func(t *testing.T, s string) {
		if n := utf8.RuneCountInString(Scrub(s)); n > maxText {
			t.Fatalf("%d runes", n)
		}
	})
}
