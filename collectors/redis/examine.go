package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

// examined are the commands of Rights, each asked in its cheapest form. A user
// may not ask what its rights are, so they are tried.
var examined = []command{
	{"PING"},
	{"GET", absentKey},
	{"CLIENT", "SETNAME", "closewatch"},
	{"LATENCY", "LATEST"},
	{"LATENCY", "HISTORY", "command"},
	{"LATENCY", "HISTOGRAM", "ping"},
	{"SLOWLOG", "LEN"},
	{"SLOWLOG", "GET", "1"},
	{"CONFIG", "GET", "maxmemory"},
}

// ofCluster are those asked of a node of a cluster only.
var ofCluster = []command{{"CLUSTER", "INFO"}, {"CLUSTER", "NODES"}}

// Examine implements collector.Examiner: the Sentinels, the server, our user and
// each command that it is asked with.
func (i *instance) Examine(ctx context.Context) []collector.Finding {
	var findings []collector.Finding
	if i.sentinels != nil {
		i.sentinels.look(ctx, i.settings.Config.Timeout.D())
		findings = i.sentinels.examine()
	}
	answers, err := i.infos.ask(ctx, command{"INFO"}, command{"ACL", "WHOAMI"})
	if err == nil && answers[0].err != nil {
		err = i.infos.explain(answers[0].err)
	}
	text := ""
	if err == nil {
		text, _ = answers[0].value.(string)
	}
	server := parseInfo(text)
	well := fmt.Sprintf("Redis %s, %s, %s", label(server["redis_version"]), label(server["redis_mode"]), label(server["role"]))
	findings = append(findings, collector.Judge("server "+i.infos.wanted(), well, err)...)
	if err != nil {
		return findings
	}
	findings = append(findings, examineUser(answers[1]))
	findings = append(findings, i.examineRights(ctx, answers[1], server["cluster_enabled"] == "1")...)
	if len(i.settings.Config.Keys) == 0 {
		return findings
	}
	for _, t := range i.Tasks() { // the sizes of keys are a matter of rights of their own
		if t.Name == "info" {
			findings = append(findings, collector.Try(ctx, []collector.Task{t})...)
		}
	}
	return findings
}

// examine says of each Sentinel whether it answers and names the primary.
func (s *sentinels) examine() []collector.Finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	var findings []collector.Finding
	for _, o := range s.opinions {
		err, well := o.err, ""
		if err == nil {
			err = &fault.Error{
				Op: "ask about " + s.master, Kind: fault.Schema, Err: errors.New("it monitors no primary of this name"),
				Hint: "write the name that sentinel monitor gives it under sentinels.master",
			}
		}
		for _, m := range o.primaries {
			if m.name() == s.master && o.err == nil {
				err, well = nil, s.master+" is "+m.address()
			}
		}
		findings = append(findings, collector.Judge("sentinel "+o.sentinel, well, err)...)
	}
	return findings
}

// examineUser advises against the user that may do everything.
func examineUser(a answer) collector.Finding {
	user, known := a.value.(string)
	f := collector.Finding{Subject: "user", State: collector.Fine, Text: label(user)}
	switch {
	case a.err != nil && refusedBecause(a.err) == denied: // a user of ours need not be allowed to ask
		f.Text = "one that may not ask who it is"
	case !known:
		f.State, f.Text = collector.Advised, "this server has no users: whoever connects may change anything"
	case user == "default":
		f.State, f.Text = collector.Advised, "default, which usually may change anything"
		f.Do = "ACL SETUSER closewatch on >PASSWORD resetkeys resetchannels -@all " + Rights
	}
	return f
}

// examineRights tries each command and says which are refused.
func (i *instance) examineRights(ctx context.Context, who answer, cluster bool) []collector.Finding {
	commands := examined
	if cluster {
		commands = slices.Concat(commands, ofCluster)
	}
	answers, err := i.infos.ask(ctx, commands...)
	if err != nil {
		return collector.Judge("rights", "", err)
	}
	refused := map[string][]string{}
	for n, a := range answers {
		if reason := refusedBecause(a.err); reason != "" {
			refused[reason] = append(refused[reason], name(commands[n]))
		}
	}
	user, known := who.value.(string)
	if !known {
		user = cmp.Or(i.infos.Options().Username, "default")
	}
	var findings []collector.Finding
	if list := refused[denied]; len(list) > 0 {
		do := "ACL SETUSER " + user + " +" + strings.Join(list, " +")
		if slices.Contains(list, "get") {
			do += " ~" + absentKey
		}
		findings = append(findings, collector.Finding{Subject: "rights", State: collector.Refused, Text: "not allowed: " + strings.Join(list, ", "), Do: do})
	}
	if list := refused[unknown]; len(list) > 0 {
		findings = append(findings, collector.Finding{
			Subject: "rights", State: collector.Advised,
			Text: "unknown to this server, which is renamed, switched off or too old: " + strings.Join(list, ", "),
		})
	}
	if len(findings) == 0 {
		findings = append(findings, collector.Finding{Subject: "rights", State: collector.Fine, Text: "every command is allowed"})
	}
	return findings
}
