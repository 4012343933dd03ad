module github.com/grafana/grafana-foundation-sdk/go

go 1.21
