package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxBody bounds what is read of an exposition.
const maxBody = 64 << 20

// scrape reads an exposition as Prometheus does, compressed and over a connection
// that is kept, and tells how long it took.
func scrape(ctx context.Context, client *http.Client, url string) (body []byte, took time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	begun := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(res.Body, maxBody))
	took = time.Since(begun)
	if err != nil {
		return nil, took, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, took, fmt.Errorf("%s answers %s", url, res.Status)
	}
	if res.Header.Get("Content-Encoding") != "gzip" {
		return body, took, nil
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, took, err
	}
	body, err = io.ReadAll(io.LimitReader(unpacked, maxBody))
	return body, took, err
}

// aboutItself are the beginnings of what an exporter says of its own process.
var aboutItself = []string{"go_", "process_", "promhttp_"}

// seriesIn counts the series of an exposition, without those about the process
// that serves it.
func seriesIn(exposition []byte) int {
	n := 0
	for lines := bufio.NewScanner(bytes.NewReader(exposition)); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") || beginsWithAny(line, aboutItself) {
			continue
		}
		n++
	}
	return n
}

func beginsWithAny(s string, beginnings []string) bool {
	for _, b := range beginnings {
		if strings.HasPrefix(s, b) {
			return true
		}
	}
	return false
}
