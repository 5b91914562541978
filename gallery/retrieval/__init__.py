"""What a search is, whoever asks. Pure: no Django, no database, no encoder.

`query_text` checks what somebody typed, `tree` says what is searched for, `language` makes a tree of a text and a text
of a tree, `request` is the whole question, `plan` turns it into legs and filters, `meaning` adds up vectors, `fusion`
makes one ranking of the legs' answers, `cutoff` says which results are meant. `services/search` carries the plan out.
"""
