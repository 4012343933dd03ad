package rules

func Example(o Options, objectives []Objective, path string) ([]byte, error) { return nil, nil }
