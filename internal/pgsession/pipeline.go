package pgsession

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

// A Query is one statement of a batch. SQL has $1, $2, … where Args go; a nil
// argument is NULL.
type Query struct {
	Name string // what it reads, for errors: "replication"
	SQL  string
	Args []any
}

// run asks the queries, those again that only their preparation kept from being
// answered. It returns an error when the connection is no longer of use; the
// errors of statements are in their results.
func (s *Session) run(ctx context.Context, slot *slot, queries []Query, results Results) error {
	all := make([]int, len(queries))
	for i := range all {
		all[i] = i
	}
	failed, err := s.exchange(ctx, slot, queries, results, all)
	if err == nil && len(failed) > 0 {
		_, err = s.exchange(ctx, slot, queries, results, failed)
	}
	return err
}

// exchange sends the chosen queries as one pipeline with a sync after each, so
// that each is a transaction of its own. It returns those to be asked again.
func (s *Session) exchange(ctx context.Context, slot *slot, queries []Query, results Results, chosen []int) (failed []int, err error) {
	pipe := slot.conn.StartPipeline(ctx)
	var sent []int
	for _, i := range chosen {
		q := queries[i]
		values, err := encode(q.Args)
		if err != nil {
			results[i].fail(&fault.Error{Op: "read " + q.Name, Kind: fault.Internal, Err: err})
			continue
		}
		results[i] = Result{Name: q.Name}
		s.send(pipe, &slot.prepared, q.SQL, values)
		sent = append(sent, i)
	}
	s.count(ctx, collector.Spent{Requests: uint64(len(sent))})
	err = pipe.Flush()
	for _, i := range sent {
		if err != nil {
			break
		}
		var help remedy
		if help, err = s.answer(pipe, &slot.prepared, queries[i].SQL, &results[i]); help != none {
			failed = append(failed, i)
		}
	}
	if closeErr := pipe.Close(); err == nil && slot.conn.IsClosed() {
		err = closeErr
	}
	if err != nil {
		if ctx.Err() != nil { // what the network says then is only the consequence
			err = ctx.Err()
		}
		return nil, explain("ask PostgreSQL "+s.address, err, s.config)
	}
	return failed, nil
}

// send asks one query, preparing it on the way when it is new to the connection.
func (s *Session) send(pipe *pgconn.Pipeline, p *prepared, sql string, values [][]byte) {
	defer pipe.SendPipelineSync()
	if s.unnamed.Load() {
		pipe.SendQueryParams(sql, values, nil, nil, nil)
		return
	}
	name, known := p.name(sql)
	if !known {
		if old, found := p.surplus(); found {
			pipe.SendDeallocate(old)
		}
		pipe.SendDeallocate(name) // one whose columns have changed; else nothing
		pipe.SendPrepare(name, sql, nil)
	}
	pipe.SendQueryPrepared(name, values, nil, nil)
}

var errEnded = errors.New("the server ended the conversation")

// answer reads one statement's answer up to and including its sync. When it
// could not be executed as prepared it says what helps.
func (s *Session) answer(pipe *pgconn.Pipeline, p *prepared, sql string, r *Result) (help remedy, err error) {
	refuse := func(err error) error {
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.SeverityUnlocalized == "FATAL" {
			return err
		}
		r.fail(explain("read "+r.Name, err, s.config))
		if help == none {
			help = remedyFor(err)
		}
		return nil
	}
	parsed := false
	for {
		got, err := pipe.GetResults()
		if err != nil {
			if err := refuse(err); err != nil {
				return help, err
			}
			continue
		}
		switch got := got.(type) {
		case *pgconn.CloseComplete:
		case *pgconn.StatementDescription:
			parsed = true
		case *pgconn.ResultReader:
			parsed = true
			if err := r.read(got, s.settings.MaxRows, s.settings.MaxBytes); err != nil {
				if err := refuse(err); err != nil {
					return help, err
				}
			}
		case *pgconn.PipelineSync:
			r.answered = true
			if !parsed || help != none {
				p.forget(sql)
			}
			if help == unnamed {
				s.unnamed.Store(true)
			}
			return help, nil
		case nil:
			return help, errEnded
		default:
			return help, fmt.Errorf("unexpected %T in a pipeline", got)
		}
	}
}
