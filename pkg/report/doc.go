// Package report writes numbers for people and programs: tables as CSV and Markdown, and rows
// that are judged against an aim. It does not know what the numbers mean.
package report
