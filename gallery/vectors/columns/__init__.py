"""Columns by row: what is known of each picture of an index, as arrays that answer in the time of reading them.

`Table` holds the arrays, `Columns` a table with the rows that have changed since, `ColumnsFile` the file that all
processes map. A row is a place in the index, a mask a bitmap of rows.
"""
