package dashboard

// DashboardLinkBuilder builds DashboardLink.
type DashboardLinkBuilder struct{ v DashboardLink }

// NewDashboardLinkBuilder starts a link to an address.
func NewDashboardLinkBuilder(title string) *DashboardLinkBuilder {
	return &DashboardLinkBuilder{v: DashboardLink{Title: title, Type: DashboardLinkTypeLink, Tags: []string{}}}
}

// Build returns the link.
func (b *DashboardLinkBuilder) Build() (DashboardLink, error) { return b.v, nil }

// Title sets the words of the link.
func (b *DashboardLinkBuilder) Title(title string) *DashboardLinkBuilder {
	b.v.Title = title
	return b
}

// Type sets where the link leads.
func (b *DashboardLinkBuilder) Type(typeArg DashboardLinkType) *DashboardLinkBuilder {
	b.v.Type = typeArg
	return b
}

// Icon sets the icon.
func (b *DashboardLinkBuilder) Icon(icon string) *DashboardLinkBuilder {
	b.v.Icon = icon
	return b
}

// Tooltip sets the tooltip.
func (b *DashboardLinkBuilder) Tooltip(tooltip string) *DashboardLinkBuilder {
	b.v.Tooltip = tooltip
	return b
}

// Url sets the address.
func (b *DashboardLinkBuilder) Url(url string) *DashboardLinkBuilder {
	b.v.Url = &url
	return b
}

// Tags sets which dashboards a link of the type dashboards lists.
func (b *DashboardLinkBuilder) Tags(tags []string) *DashboardLinkBuilder {
	b.v.Tags = tags
	return b
}

// AsDropdown sets whether those dashboards are folded into one menu.
func (b *DashboardLinkBuilder) AsDropdown(asDropdown bool) *DashboardLinkBuilder {
	b.v.AsDropdown = asDropdown
	return b
}

// TargetBlank sets whether the link opens a new tab.
func (b *DashboardLinkBuilder) TargetBlank(targetBlank bool) *DashboardLinkBuilder {
	b.v.TargetBlank = targetBlank
	return b
}

// IncludeVars sets whether the variables go along.
func (b *DashboardLinkBuilder) IncludeVars(includeVars bool) *DashboardLinkBuilder {
	b.v.IncludeVars = includeVars
	return b
}

// KeepTime sets whether the time range goes along.
func (b *DashboardLinkBuilder) KeepTime(keepTime bool) *DashboardLinkBuilder {
	b.v.KeepTime = keepTime
	return b
}
