package pgsession

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Query is one statement of a batch. SQL has $1, $2, … where Args go; a nil
// argument is NULL.
type Query struct {
	Name string // what it reads, for errors: "replication"
	SQL  string
	Args []any
}

// run sends the queries as one pipeline with a sync after each, so that each
// is a transaction of its own. It returns an error when the connection is no
// longer of use; the errors of statements are in their results.
func (s *Session) run(ctx context.Context, conn *pgconn.PgConn, queries []Query, results Results) error {
	pipe := conn.StartPipeline(ctx)
	sent := make([]bool, len(queries))
	for i, q := range queries {
		values, err := encode(q.Args)
		if err != nil {
			results[i].fail(&fault.Error{Op: "read " + q.Name, Kind: fault.Internal, Err: err})
			continue
		}
		pipe.SendQueryParams(q.SQL, values, nil, nil, nil)
		pipe.SendPipelineSync()
		sent[i] = true
	}
	err := pipe.Flush()
	for i := range queries {
		if err != nil {
			break
		}
		if sent[i] {
			err = s.answer(pipe, &results[i])
		}
	}
	if closeErr := pipe.Close(); err == nil && conn.IsClosed() {
		err = closeErr
	}
	if err != nil {
		if ctx.Err() != nil { // what the network says then is only the consequence
			err = ctx.Err()
		}
		return explain("ask PostgreSQL "+s.address, err, s.config)
	}
	return nil
}

var errEnded = errors.New("the server ended the conversation")

// answer reads one statement's answer up to and including its sync.
func (s *Session) answer(pipe *pgconn.Pipeline, r *Result) error {
	for {
		got, err := pipe.GetResults()
		var refused *pgconn.PgError
		switch {
		case errors.As(err, &refused) && refused.SeverityUnlocalized != "FATAL":
			r.fail(explain("read "+r.Name, err, s.config))
			continue
		case err != nil:
			return err
		case got == nil:
			return errEnded
		}
		switch got := got.(type) {
		case *pgconn.ResultReader:
			err := r.read(got, s.settings.MaxRows, s.settings.MaxBytes)
			if err == nil {
				continue
			}
			if !errors.As(err, &refused) || refused.SeverityUnlocalized == "FATAL" {
				return err
			}
			r.fail(explain("read "+r.Name, err, s.config))
		case *pgconn.PipelineSync:
			r.answered = true
			return nil
		default:
			return fmt.Errorf("unexpected %T in a pipeline", got)
		}
	}
}
