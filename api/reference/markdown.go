package reference

import "strings"

// block is a paragraph, or a list.
type block struct {
	Paragraph []span
	List      [][]span
}

// span is a run of text, or code.
type span struct {
	Text string
	Code bool
}

// markdown reads the little of Markdown that descriptions are written in: paragraphs
// between blank lines, lists of lines that begin with a dash, and `code`. Everything
// else is text.
func markdown(text string) []block {
	var blocks []block
	var paragraph, list []string
	flush := func() {
		if len(paragraph) > 0 {
			blocks = append(blocks, block{Paragraph: spans(strings.Join(paragraph, " "))})
		}
		if len(list) > 0 {
			items := make([][]span, len(list))
			for i, item := range list {
				items[i] = spans(item)
			}
			blocks = append(blocks, block{List: items})
		}
		paragraph, list = nil, nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		item, isItem := strings.CutPrefix(line, "- ")
		switch {
		case line == "":
			flush()
		case isItem:
			if len(paragraph) > 0 {
				flush()
			}
			list = append(list, item)
		case len(list) > 0:
			list[len(list)-1] += " " + line
		default:
			paragraph = append(paragraph, line)
		}
	}
	flush()
	return blocks
}

// spans parts text at backquotes. One that is not closed is text.
func spans(text string) []span {
	var all []span
	for text != "" {
		before, rest, opened := strings.Cut(text, "`")
		code, after, closed := strings.Cut(rest, "`")
		if !opened || !closed {
			return append(all, span{Text: text})
		}
		if before != "" {
			all = append(all, span{Text: before})
		}
		if code != "" {
			all = append(all, span{Text: code, Code: true})
		}
		text = after
	}
	return all
}
