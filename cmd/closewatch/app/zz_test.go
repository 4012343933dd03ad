package app

import "testing"

func BenchmarkTrial(b *testing.B) {
	for b.Loop() {
		tr, err := LoadTrial("../../../deploy/examples/scenarios/primary_loss_in_close.yaml")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tr.Run(); err != nil {
			b.Fatal(err)
		}
	}
}
