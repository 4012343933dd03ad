package setup

import (
	"context"
	"errors"
	"slices"

	"github.com/closewatch/closewatch/internal/fault"
)

// Groups of the monitoring user, by external id. Billing is enough to invoice
// and to register payments; bank statement lines need the accounting features.
// It is never given more: who administers Invoicing may delete entries out of
// the middle of a sequence, and would leave gaps.
var (
	wantedGroups  = []string{"base.group_user", "account.group_account_invoice", "account.group_account_user"}
	refusedGroups = []string{"account.group_account_manager", "base.group_erp_manager", "base.group_system"}
)

// userStep makes the user as whom the flows run.
func (s *Setup) userStep() step {
	return step{
		name: "user", what: "a user " + s.Login + " who may enter that company alone: internal user, Billing and full accounting features, nothing that administers",
		menu: "Settings > Users & Companies > Users > New, with developer mode for Technical: Show Full Accounting Features",
		check: func(ctx context.Context) (string, error) {
			id, lacks, _, err := s.userLacks(ctx)
			s.found.user = id
			return lacks, err
		},
		do:     s.makeUser,
		locate: s.locateUser,
		undo:   s.removeUser,
	}
}

// locateUser finds the user, unless it is somebody else.
func (s *Setup) locateUser(ctx context.Context) error {
	r := s.userRecord()
	id, _, err := s.find(ctx, r)
	if err != nil || id == 0 {
		return err
	}
	if s.ours(ctx, r, id) == nil {
		s.found.user = id
	}
	return nil
}

// removeUser removes the user and the contact that Odoo made with it.
func (s *Setup) removeUser(ctx context.Context) (State, string, error) {
	if s.found.user == 0 {
		return Absent, "", nil
	}
	row, err := s.read(ctx, "res.users", s.found.user, []string{"partner_id"})
	if err != nil {
		return Failed, "", err
	}
	state, note, err := s.discard(ctx, "res.users", s.found.user)
	if state == Removed {
		state, note, err = s.discard(ctx, "res.partner", idOf(row["partner_id"]))
	}
	return state, note, err
}

// userRecord describes the user.
func (s *Setup) userRecord() record {
	return record{
		mark: "user", model: "res.users", likely: []any{[]any{"login", "=", s.Login}},
		content: func(ctx context.Context) (content, error) {
			groups, err := s.allGroups(ctx)
			if err != nil {
				return content{}, err
			}
			field, err := s.groupField(ctx)
			return content{
				values: map[string]any{
					"name": s.Name + " monitoring", "login": s.Login, "tz": "UTC", field: []any{[]any{6, 0, groups}},
					"company_id": s.found.company, "company_ids": []any{[]any{6, 0, []int64{s.found.company}}},
				},
				keep: map[string]any{"active": true, "login": s.Login, "company_id": s.found.company, "company_ids": []int64{s.found.company}, "tz": "UTC"},
			}, err
		},
	}
}

// allGroups are those that the user is to have.
func (s *Setup) allGroups(ctx context.Context) ([]int64, error) {
	groups, err := s.groups(ctx, wantedGroups)
	if s.found.group != 0 {
		groups = append(groups, s.found.group)
	}
	return groups, err
}

// userLacks says what the user lacks, and by which commands its groups are put
// right.
func (s *Setup) userLacks(ctx context.Context) (id int64, lacks string, groups []any, err error) {
	r := s.userRecord()
	id, lacks, err = s.lacking(ctx, r)
	if err != nil || id == 0 {
		return id, lacks, nil, err
	}
	if err := s.ours(ctx, r, id); err != nil {
		return 0, "", nil, err
	}
	field, err := s.groupField(ctx)
	if err != nil {
		return 0, "", nil, err
	}
	row, err := s.read(ctx, "res.users", id, []string{field})
	if err != nil {
		return 0, "", nil, err
	}
	has := idsOf(row[field])
	wanted, err := s.allGroups(ctx)
	if err != nil {
		return 0, "", nil, err
	}
	refused, err := s.groups(ctx, refusedGroups)
	if err != nil {
		return 0, "", nil, err
	}
	for _, g := range wanted {
		if !slices.Contains(has, g) {
			groups = append(groups, []any{4, g})
		}
	}
	for _, g := range refused {
		if slices.Contains(has, g) {
			groups = append(groups, []any{3, g})
		}
	}
	if lacks == "" && len(groups) > 0 {
		lacks = "it has not the groups that it should have"
	}
	return id, lacks, groups, nil
}

// ours refuses a user that was not made here: not marked, and allowed
// elsewhere.
func (s *Setup) ours(ctx context.Context, r record, id int64) error {
	marked, err := s.external(ctx, module, s.markName(r.mark), r.model)
	if err != nil || marked == id {
		return err
	}
	row, err := s.read(ctx, r.model, id, []string{"company_ids"})
	if err != nil || same(row["company_ids"], []int64{s.found.company}) {
		return err
	}
	return &fault.Error{Op: "make the monitoring user", Kind: fault.Rejected, Err: errors.New("the login belongs to somebody else"), Hint: "choose another with --login"}
}

func (s *Setup) makeUser(ctx context.Context) error {
	_, _, groups, err := s.userLacks(ctx)
	if err != nil {
		return err
	}
	field, err := s.groupField(ctx)
	if err != nil {
		return err
	}
	r := s.userRecord()
	if s.found.user, err = s.ensure(ctx, r); err != nil || len(groups) == 0 {
		return err
	}
	return s.write(ctx, r.model, s.found.user, map[string]any{field: groups})
}

// groupField is what a user's groups are called: group_ids since 19.
func (s *Setup) groupField(ctx context.Context) (string, error) {
	if old, err := s.has(ctx, "res.users", "groups_id"); err != nil || old {
		return "groups_id", err
	}
	return "group_ids", nil
}

// groups resolves external ids.
func (s *Setup) groups(ctx context.Context, names []string) ([]int64, error) {
	ids := make([]int64, 0, len(names)+1)
	for _, full := range names {
		id, err := s.given(ctx, full, "res.groups")
		if err != nil {
			return nil, err
		}
		if id == 0 {
			return nil, &fault.Error{Op: "find the group " + full, Kind: fault.Schema, Err: errors.New("there is none"), Hint: "check that Invoicing is installed"}
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// passwordStep gives the user a password that is in the file.
func (s *Setup) passwordStep() step {
	return step{
		name: "password", what: "a password of " + s.Login + ", in a file that only its owner may read",
		menu: "Settings > Users & Companies > Users > " + s.Login + " > Action > Change Password",
		check: func(ctx context.Context) (string, error) {
			if s.found.user == 0 {
				return "there is no user yet", nil
			}
			if s.Password == nil {
				return "no file was named to keep it in", nil
			}
			works, err := s.Password.Works(ctx, s.Login)
			if err != nil || works {
				return "", err
			}
			return "the file has none that Odoo accepts", nil
		},
		do: func(ctx context.Context) error {
			if s.Password == nil {
				return &fault.Error{Op: "give the user a password", Kind: fault.Rejected, Err: errors.New("no file was named to keep it in"), Hint: "name one with --password-file"}
			}
			value, err := s.Password.Renew()
			if err != nil {
				return err
			}
			return s.write(ctx, "res.users", s.found.user, map[string]any{"password": value.Reveal()})
		},
	}
}
