package setup

import (
	"context"
	"errors"
	"fmt"

	"github.com/closewatch/closewatch/internal/fault"
)

// What queue-roundtrip needs: one job of queue_job's own test kind, in a channel
// of its own, and a group that may see and requeue the jobs of that channel and
// no other. The test job only writes a line into Odoo's log.

func (s *Setup) channelName() string { return "root." + s.slug() }

// ifQueue begins what is said of steps that only queue_job needs, for a reader
// of whose database nothing is known.
func (s *Setup) ifQueue(what string) string {
	if s.found.version.Major == 0 {
		return "where queue_job is installed: " + what
	}
	return what
}

// queueRightSteps come before the user, who gets the group.
func (s *Setup) queueRightSteps() []step {
	return []step{
		s.recordStep("job-channel", s.ifQueue("a channel "+s.channelName()+" for one background job"),
			"Job Queue > Channels > New, below root", &s.found.channel, s.channelRecord),
		s.recordStep("job-group", s.ifQueue("a group that may do nothing but requeue the jobs of that channel"),
			"Settings > Users & Companies > Groups > New", &s.found.group, s.groupRecord),
		s.recordStep("job-right", s.ifQueue("the group reads and writes queue.job, and neither creates nor deletes"),
			"the group > Access Rights > Queue Job: Read, Write", &s.found.access, s.accessRecord),
		s.recordStep("job-rule", s.ifQueue("the group sees no jobs but those of that channel"),
			"the group > Record Rules > Queue Job: [('channel', '=', '"+s.channelName()+"')]", &s.found.rule, s.ruleRecord),
	}
}

func (s *Setup) channelRecord(ctx context.Context) (record, error) {
	root, err := s.given(ctx, "queue_job.channel_root", "queue.job.channel")
	return record{
		mark: "job_channel", model: "queue.job.channel", likely: []any{[]any{"complete_name", "=", s.channelName()}},
		content: fixed(
			map[string]any{"name": s.slug(), "parent_id": root},
			map[string]any{"complete_name": s.channelName()},
		),
	}, err
}

func (s *Setup) groupRecord(context.Context) (record, error) {
	name := s.Name + ": background job"
	return record{
		mark: "job_group", model: "res.groups", likely: []any{[]any{"name", "=", name}},
		content: fixed(map[string]any{"name": name}, nil),
	}, nil
}

func (s *Setup) accessRecord(ctx context.Context) (record, error) {
	model, err := s.jobModel(ctx)
	name := s.slug() + " queue.job"
	return record{
		mark: "job_right", model: "ir.model.access", likely: []any{[]any{"name", "=", name}, []any{"group_id", "=", s.found.group}},
		content: fixed(
			map[string]any{"name": name, "model_id": model, "group_id": s.found.group, "perm_read": true, "perm_write": true},
			map[string]any{
				"active": true, "model_id": model, "group_id": s.found.group,
				"perm_read": true, "perm_write": true, "perm_create": false, "perm_unlink": false,
			},
		),
	}, err
}

func (s *Setup) ruleRecord(ctx context.Context) (record, error) {
	model, err := s.jobModel(ctx)
	name := s.Name + ": jobs of its channel"
	domain := "[('channel', '=', '" + s.channelName() + "')]"
	return record{
		mark: "job_rule", model: "ir.rule", likely: []any{[]any{"name", "=", name}, []any{"model_id", "=", model}},
		content: fixed(
			map[string]any{"name": name, "model_id": model, "domain_force": domain, "groups": []any{[]any{6, 0, []int64{s.found.group}}}},
			map[string]any{"active": true, "model_id": model, "domain_force": domain, "groups": []int64{s.found.group}},
		),
	}, err
}

func (s *Setup) jobModel(ctx context.Context) (int64, error) {
	return s.given(ctx, "queue_job.model_queue_job", "ir.model")
}

// jobStep makes the job, which runs as the monitoring user. It has no mark: it
// is the one job of its channel, and its channel is ours.
func (s *Setup) jobStep() step {
	return step{
		name: "job", what: s.ifQueue("one test job in that channel, run as " + s.Login),
		menu: "open /queue_job/create_test_job?channel=" + s.channelName() + " as an administrator, then set its company and user",
		check: func(ctx context.Context) (string, error) {
			id, lacks, err := s.findJob(ctx)
			s.found.job = id
			if err != nil || lacks != "" {
				return lacks, err
			}
			left, err := s.actionsLeft(ctx)
			if len(left) > 0 {
				lacks = "the server action that made it is still there"
			}
			return lacks, err
		},
		do: s.makeJob,
		locate: func(ctx context.Context) (err error) {
			s.found.job, _, err = s.findJob(ctx)
			return err
		},
		undo: func(ctx context.Context) (State, string, error) {
			return s.discard(ctx, "queue.job", s.found.job)
		},
	}
}

func (s *Setup) findJob(ctx context.Context) (int64, string, error) {
	var rows []map[string]any
	domain := []any{[]any{"channel", "=", s.channelName()}, []any{"method_name", "=", "_test_job"}}
	err := s.call(ctx, "queue.job", "search_read", []any{domain}, map[string]any{"fields": []string{"company_id", "user_id", "state"}, "order": "id desc", "limit": 1}, &rows)
	switch {
	case err != nil:
		return 0, "", fault.Wrap("look for the job", err, "give the administrator the group Job Queue Manager")
	case len(rows) == 0:
		return 0, nothingYet, nil
	}
	id := idOf(rows[0]["id"])
	switch {
	case !same(rows[0]["company_id"], s.found.company) || !same(rows[0]["user_id"], s.found.user):
		return id, "it belongs to another company or user", nil
	case rows[0]["state"] == "cancelled":
		return id, "it was cancelled", nil
	}
	return id, "", nil
}

// makeJob makes the job by a server action, which is deleted again at once:
// jobs cannot be made from outside of Odoo.
func (s *Setup) makeJob(ctx context.Context) error {
	old, lacks, err := s.findJob(ctx)
	if err != nil {
		return err
	}
	left, err := s.actionsLeft(ctx)
	if err != nil {
		return err
	}
	if lacks == "" {
		return s.call(ctx, "ir.actions.server", "unlink", []any{left}, nil, nil)
	}
	if old != 0 {
		if err := s.call(ctx, "queue.job", "unlink", []any{[]int64{old}}, nil, nil); err != nil {
			return err
		}
	}
	model, err := s.jobModel(ctx)
	if err != nil {
		return err
	}
	code := fmt.Sprintf("env['queue.job'].with_company(%d).with_user(%d).with_delay(channel='%s', description='%s round trip')._test_job()",
		s.found.company, s.found.user, s.channelName(), s.slug())
	values := map[string]any{"name": s.actionName(), "model_id": model, "state": "code", "code": code}
	var action int64
	if err := s.call(ctx, "ir.actions.server", "create", []any{values}, nil, &action); err != nil {
		return err
	}
	ran := s.call(ctx, "ir.actions.server", "run", []any{[]int64{action}}, nil, nil)
	return errors.Join(ran, s.call(ctx, "ir.actions.server", "unlink", []any{append(left, action)}, nil, nil))
}

func (s *Setup) actionName() string { return s.Name + ": make the test job" }

// actionsLeft are server actions of runs that broke off.
func (s *Setup) actionsLeft(ctx context.Context) ([]int64, error) {
	return s.search(ctx, "ir.actions.server", []any{[]any{"name", "=", s.actionName()}}, 10)
}
