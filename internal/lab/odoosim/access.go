package odoosim

// operationNamed reads what Odoo calls a right on a model.
func operationNamed(name string) (operation, error) {
	op, known := map[string]operation{"read": opRead, "create": opCreate, "write": opWrite, "unlink": opUnlink}[name]
	if !known {
		return "", valueError("Invalid access mode")
	}
	return op, nil
}

// checkAccessRights answers whether the user's groups allow an operation, or
// refuses when they do not: a method of the model.
func checkAccessRights(e *env, c *call) (any, error) {
	op, err := operationNamed(toString(c.arg(0, "operation")))
	if err != nil {
		return nil, err
	}
	err = e.may(e.model(c), op)
	if raise, said := c.kwargs["raise_exception"]; err != nil && said && isFalse(raise) {
		return false, nil
	}
	return err == nil, err
}

// hasAccess answers the same for records, from 18 on.
func hasAccess(e *env, c *call) (any, error) {
	if e.s.opts.Version < 18 {
		return nil, raise("builtins.AttributeError", "The method '%s' does not exist on the model '%s'", c.method, c.model)
	}
	op, err := operationNamed(toString(c.arg(1, "operation")))
	if err != nil {
		return nil, err
	}
	return e.may(e.model(c), op) == nil, nil
}
