package odoosim

import "net/http"

// serveManager shows the database manager. Switched off it says so, with
// status 200 and all its dialogs, as Odoo does.
func (s *Server) serveManager(w http.ResponseWriter, _ *http.Request) {
	notice := `<div class="alert alert-danger text-center">The database manager has been disabled by the administrator</div>`
	if s.faults.exposesManager() {
		notice = `<div class="alert alert-warning">Warning, your Odoo database manager is not protected.<br/>Please <a href="#" data-bs-target=".o_database_master">set a master password</a> to secure it.</div>`
	}
	writeHTML(w, http.StatusOK, `<html>
<head><title>Odoo</title></head>
<body>
    <div class="o_database_list">`+notice+`</div>
    <div class="modal fade o_database_restore" role="dialog">
        <form id="form_restore_db" role="form" action="/web/database/restore" method="post" enctype="multipart/form-data"></form>
    </div>
</body>
</html>
`)
}

// serveDatabaseList tells the name of the database to whoever asks, unless the
// manager is switched off.
func (s *Server) serveDatabaseList(http.ResponseWriter, *http.Request, *jsonRequest) (any, error) {
	if !s.faults.exposesManager() {
		return nil, accessDenied()
	}
	return []any{s.opts.DBName}, nil
}
