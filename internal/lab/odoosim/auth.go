package odoosim

import (
	"crypto/sha256"
	"errors"

	"github.com/jackc/pgx/v5"
)

type passwordKey struct {
	uid  int64
	hash [sha256.Size]byte
}

// login checks a login and password and returns the user's id, or 0. It pays
// the full price of the password hash every time. An API key does as well as
// the password where nobody sits before the screen.
func (e *env) login(name, password string, interactive bool) (int64, error) {
	var uid int64
	var stored string
	err := e.row(`SELECT id, coalesce(password, '') FROM res_users WHERE login = $1 AND active`, name).Scan(&uid, &stored)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil || checkPassword(stored, password) {
		return uid, err
	}
	if interactive {
		return 0, nil
	}
	if owner, err := e.keyOwner(password); err != nil || owner != uid {
		return 0, err
	}
	return uid, nil
}

// checkUser refuses a wrong password or API key for a user id. Right ones are
// remembered, as the cache of each Odoo worker does.
func (s *Server) checkUser(e *env, uid int64, password string) error {
	key := passwordKey{uid, sha256.Sum256([]byte(password))}
	s.mu.Lock()
	known := s.passwords[key]
	s.mu.Unlock()
	if known {
		return nil
	}
	var stored string
	err := e.row(`SELECT coalesce(password, '') FROM res_users WHERE id = $1 AND active`, uid).Scan(&stored)
	if errors.Is(err, pgx.ErrNoRows) {
		return accessDenied()
	}
	if err != nil {
		return err
	}
	if !checkPassword(stored, password) {
		owner, err := e.keyOwner(password)
		if err != nil {
			return err
		}
		if owner != uid {
			return accessDenied()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passwords[key] = true
	return nil
}

// sessionInfo is what a successful web login answers with.
func (e *env) sessionInfo(db string) (object, error) {
	u := e.user
	var partnerName, written, currencySymbol, currencyPosition string
	var currency int64
	err := e.row(`SELECT coalesce(p.complete_name, ''), coalesce(to_char(p.write_date, 'YYYY-MM-DD HH24:MI:SS'), ''), c.id, c.symbol, c.position
		FROM res_partner p, res_company co JOIN res_currency c ON c.id = co.currency_id WHERE p.id = $1 AND co.id = $2`, u.partner, u.company).
		Scan(&partnerName, &written, &currency, &currencySymbol, &currencyPosition)
	if err != nil {
		return nil, err
	}
	companies, err := e.companyMenu()
	if err != nil {
		return nil, err
	}
	settings := object{
		{"id", u.id - 1},
		{"user_id", object{{"id", u.id}}},
		{"is_discuss_sidebar_category_channel_open", true},
		{"is_discuss_sidebar_category_chat_open", true},
		{"push_to_talk_key", false},
		{"use_push_to_talk", false},
		{"voice_active_duration", 200},
		{"channel_notifications", false},
		{"mute_until_dt", false},
		{"volumes", []any{[]any{"ADD", []any{}}}},
	}
	return object{
		{"uid", u.id},
		{"is_system", u.in(groupSystem)},
		{"is_admin", u.in(groupERPManager)},
		{"is_public", false},
		{"is_internal_user", true},
		{"user_context", object{{"lang", "en_US"}, {"tz", "UTC"}, {"uid", u.id}}},
		{"db", db},
		{"user_settings", settings},
		{"server_version", e.s.serie()},
		{"server_version_info", e.s.versionInfo()},
		{"support_url", "https://www.odoo.com/buy"},
		{"name", u.name},
		{"username", u.login},
		{"partner_write_date", written},
		{"partner_display_name", partnerName},
		{"partner_id", u.partner},
		{"web.base.url", "http://localhost:8069"},
		{"active_ids_limit", 20000},
		{"profile_session", nil},
		{"profile_collectors", nil},
		{"profile_params", nil},
		{"max_file_upload_size", 134217728},
		{"home_action_id", false},
		{"cache_hashes", object{{"translations", "0000000000000000000000000000000000000000"}, {"load_menus", "0000000000000000000000000000000000000000000000000000000000000000"}}},
		{"currencies", object{{toString(currency), object{{"symbol", currencySymbol}, {"position", currencyPosition}, {"digits", []any{69, 2}}}}}},
		{"bundle_params", object{{"lang", "en_US"}}},
		{"test_mode", false},
		{"view_info", viewInfo()},
		{"user_companies", object{{"current_company", u.company}, {"allowed_companies", companies}, {"disallowed_ancestor_companies", object{}}}},
		{"show_effect", true},
		{"display_switch_company_menu", len(u.companies) > 1},
		{"websocket_worker_version", e.s.serie() + "-2"},
		{"tour_enabled", false},
		{"current_tour", nil},
		{"storeData", e.storeData(settings)},
		{"iap_company_enrich", true},
		{"can_insert_in_spreadsheet", false},
	}, nil
}

func (e *env) companyMenu() (object, error) {
	rows, err := e.tx.Query(e.ctx, `SELECT id::int8, name, coalesce(sequence, 0)::int8 FROM res_company WHERE id = ANY($1) ORDER BY sequence DESC, id`, e.user.companies)
	if err != nil {
		return nil, err
	}
	members, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (member, error) {
		var id, sequence int64
		var name string
		err := row.Scan(&id, &name, &sequence)
		return member{toString(id), object{{"id", id}, {"name", name}, {"sequence", sequence}, {"child_ids", []any{}}, {"parent_id", false}}}, err
	})
	return members, err
}

func viewInfo() object {
	views := object{}
	for _, v := range []struct {
		name, display, icon string
		many                bool
	}{
		{"list", "List", "oi oi-view-list", true},
		{"form", "Form", "fa fa-address-card", false},
		{"graph", "Graph", "fa fa-area-chart", true},
		{"pivot", "Pivot", "oi oi-view-pivot", true},
		{"calendar", "Calendar", "fa fa-calendar", true},
		{"kanban", "Kanban", "oi oi-view-kanban", true},
		{"search", "Search", "oi oi-search", true},
		{"activity", "Activity", "fa fa-clock-o", true},
	} {
		views = append(views, member{v.name, object{{"display_name", v.display}, {"icon", v.icon}, {"multi_record", v.many}}})
	}
	return views
}

func (e *env) storeData(settings object) object {
	u := e.user
	written := e.now.Format("2006-01-02 15:04:05")
	return object{
		{"Store", object{
			{"action_discuss_id", 120},
			{"channel_types_with_seen_infos", []any{"chat", "group"}},
			{"hasGifPickerFeature", false},
			{"hasLinkPreviewFeature", true},
			{"hasMessageTranslationFeature", false},
			{"internalUserGroupId", 1},
			{"mt_comment_id", 1},
			{"odoobot", object{{"id", 2}, {"type", "partner"}}},
			{"self", object{{"id", u.partner}, {"type", "partner"}}},
			{"settings", settings},
		}},
		{"res.partner", []any{
			object{
				{"active", false},
				{"email", "odoobot@example.com"},
				{"id", 2},
				{"im_status", "bot"},
				{"isInternalUser", true},
				{"is_company", false},
				{"name", "OdooBot"},
				{"userId", 1},
				{"write_date", written},
			},
			object{
				{"active", true},
				{"id", u.partner},
				{"isAdmin", u.in(groupERPManager)},
				{"isInternalUser", true},
				{"name", u.name},
				{"notification_preference", "email"},
				{"userId", u.id},
				{"write_date", written},
			},
		}},
	}
}
