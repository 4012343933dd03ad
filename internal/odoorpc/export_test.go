package odoorpc

import "net/url"

// SetBase makes c ask another address from now on.
func SetBase(c *Client, base string) {
	u, err := url.Parse(base)
	if err != nil {
		panic(err)
	}
	c.base = u
}
