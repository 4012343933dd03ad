package lab_test

import (
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
)

func TestSentinelMonitorsItsPrimary(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	primary, err := l.Redis(t.Context(), lab.RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := l.Sentinel(t.Context(), lab.SentinelOptions{Primary: primary, Name: "mymaster", Quorum: 2}); err != nil {
			t.Fatal(err)
		}
	}
	last, err := l.Sentinel(t.Context(), lab.SentinelOptions{Primary: primary, Name: "mymaster", Quorum: 2})
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(&goredis.Options{Addr: last.Addr}) // a Sentinel knows no QUIT
	defer func() { _ = client.Close() }()
	eventually(t, "the Sentinels to find one another", func() bool {
		return strings.Contains(client.Info(t.Context(), "sentinel").Val(), "name=mymaster,status=ok,address="+primary.Addr+",slaves=0,sentinels=3")
	})
}

func TestClusterOfThree(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var nodes []*lab.Redis
	for range 3 {
		node, err := l.Redis(t.Context(), lab.RedisOptions{Cluster: true})
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, node)
	}
	if err := lab.JoinCluster(t.Context(), nodes...); err != nil {
		t.Fatal(err)
	}
	for _, node := range nodes {
		got := redis(t, node.Addr, "CLUSTER INFO")
		for _, want := range []string{"cluster_state:ok", "cluster_slots_ok:16384", "cluster_size:3"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s says %s, want %s", node.Name(), got, want)
			}
		}
	}
	alone, err := l.Redis(t.Context(), lab.RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.JoinCluster(t.Context(), alone); fault.KindOf(err) != fault.Blocked {
		t.Errorf("JoinCluster of a server that was not started for it = %v", err)
	}
}
