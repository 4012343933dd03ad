package dashboard

// columns is the width of a dashboard.
const columns = 24

// The size of a panel that sets none.
const (
	defaultWidth  = 12
	defaultHeight = 9
)

// A grid hands out positions from left to right and top to bottom.
type grid struct {
	x, y   uint32 // where the next panel goes
	height uint32 // of the tallest panel in the current line
}

// place returns where a panel of the size in pos goes. A panel that already
// has a position keeps it, and what follows goes below it.
func (g *grid) place(pos *GridPos) *GridPos {
	at := GridPos{}
	if pos != nil {
		at = *pos
	}
	if at.W == 0 {
		at.W = defaultWidth
	}
	if at.H == 0 {
		at.H = defaultHeight
	}
	if at.X != 0 || at.Y != 0 {
		g.x, g.y, g.height = 0, max(g.y+g.height, at.Y+at.H), 0
		return &at
	}
	if g.x+at.W > columns {
		g.wrap()
	}
	at.X, at.Y = g.x, g.y
	g.x += at.W
	g.height = max(g.height, at.H)
	if g.x >= columns {
		g.wrap()
	}
	return &at
}

// row returns where a heading goes.
func (g *grid) row(pos *GridPos) *GridPos {
	if g.x > 0 {
		g.wrap()
	}
	at := GridPos{H: 1, W: columns, Y: g.y}
	if pos != nil && pos.Y > g.y {
		at.Y = pos.Y
	}
	g.y = at.Y + 1
	return &at
}

// wrap starts a new line below the current one.
func (g *grid) wrap() {
	g.x, g.y, g.height = 0, g.y+g.height, 0
}
