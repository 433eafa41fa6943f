package query

// Column says what a list may be asked about one field.
type Column struct {
	Field   Field
	Kind    Kind
	Filter  bool     // the list can be filtered by it
	Sort    bool     // and sorted
	Choices []string // all values of a Choice
}

// Columns are the fields of one kind of list, in the order in which they are told.
type Columns []Column

func (c Columns) filterable(field Field) (Column, bool) {
	for _, column := range c {
		if column.Field == field && column.Filter {
			return column, true
		}
	}
	return Column{}, false
}

func (c Columns) names(wanted func(Column) bool) []Field {
	var names []Field
	for _, column := range c {
		if wanted(column) {
			names = append(names, column.Field)
		}
	}
	return names
}
