package cli

// kind is one kind of thing that the API tells of, and how tables show it.
type kind[T any] struct {
	nouns  string            // of several, in messages
	header []string          // of the table of several
	row    func(*T) []string // of that table
	detail func(*T) *table   // of one alone
	id     func(*T) string   // what -o id prints
}

// printOne prints an answer that is one thing.
func (k kind[T]) printOne(c *call, body []byte) error {
	var one T
	if err := decode(body, &one); err != nil {
		return err
	}
	return k.print(c, body, &one)
}

// print prints one thing and the answer that it was read from.
func (k kind[T]) print(c *call, body []byte, one *T) error {
	return c.print(result{
		bodies: [][]byte{body},
		table:  func() *table { return k.detail(one) },
		ids:    func() []string { return []string{k.id(one)} },
	})
}

// printAll prints several things and the answers that they were read from.
func (k kind[T]) printAll(c *call, bodies [][]byte, all []T) error {
	return c.print(result{
		bodies: bodies,
		table: func() *table {
			out := &table{header: k.header}
			for i := range all {
				out.add(k.row(&all[i])...)
			}
			return out
		},
		ids: func() []string {
			ids := make([]string, len(all))
			for i := range all {
				ids[i] = k.id(&all[i])
			}
			return ids
		},
	})
}

// printEach prints what became of so many things that a command named: of one as
// get does, of several as a list. Where it failed there is no body.
func (k kind[T]) printEach(c *call, named int, bodies [][]byte) error {
	all := make([]T, len(bodies))
	for i, body := range bodies {
		if err := decode(body, &all[i]); err != nil {
			return err
		}
	}
	switch {
	case len(all) == 0:
		return nil
	case named == 1:
		return k.print(c, bodies[0], &all[0])
	}
	return k.printAll(c, bodies, all)
}

// do sends r and prints the one thing in its answer.
func (k kind[T]) do(c *call, r request) error {
	a, err := c.send(r)
	if err != nil {
		return err
	}
	return k.printOne(c, a.body)
}
