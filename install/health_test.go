package install_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/deployment"
)

// healthy is the db image with a health check.
func healthy(check string) fstest.MapFS {
	return with(dbImage(), fstest.MapFS{
		"exports/manifest.json": file(`{"defaultValues": {"PORT": 5432}, "healthCheck": `+check+`}`, 0o644),
	})
}

func TestHealthCheckIsRecorded(t *testing.T) {
	const second = deployment.Duration(time.Second)
	for name, test := range map[string]struct {
		check string
		want  *deployment.HealthCheck
	}{
		"all of it": {
			`{"exec": ["/bin/db", "ping", "$NAME:$PORT"], "interval": "2s", "timeout": "500ms", "retries": 7, "startPeriod": "1m"}`,
			&deployment.HealthCheck{Exec: []string{"/bin/db", "ping", "db:5432"}, Interval: 2 * second, Timeout: second / 2, Retries: 7, StartPeriod: 60 * second},
		},
		"the rest is ours": {
			`{"exec": ["ping"]}`,
			&deployment.HealthCheck{Exec: []string{"ping"}, Interval: 5 * second, Timeout: 5 * second, Retries: 3},
		},
		"none": {`null`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.images.images["db"] = healthy(test.check)
			record := s.install(deployment.Request{Image: "db"}).Record
			if !reflect.DeepEqual(record.HealthCheck, test.want) {
				t.Errorf("got %+v, want %+v", record.HealthCheck, test.want)
			}
			read, err := deployment.DecodeRecord([]byte(s.read("var/lib/syscontainer/containers/db/deploy/1/record.json")))
			if err != nil || !reflect.DeepEqual(read.HealthCheck, test.want) {
				t.Errorf("read back: %+v, %v", read.HealthCheck, err)
			}
		})
	}
}

func TestHealthCheckThatCannotBeIsRefused(t *testing.T) {
	const prefix = "installing db: reading exports/manifest.json of db: manifest.json: healthCheck"
	for check, want := range map[string]string{
		`{"exec": ["a"], "interval": "5", "timeout": "-1s", "startPeriod": "-1s"}`: prefix + `.interval: "5" is not a duration such as 5s, 500ms or 1m30s` + "\n" +
			`manifest.json: healthCheck.timeout: "-1s" is no time to wait` + "\n" + `manifest.json: healthCheck.startPeriod: "-1s" is no time to wait`,
		`{"exec": ["a"], "interval": "2562047h", "timeout": "2562047h", "retries": 2147483647}`: prefix +
			": a container would count as broken only after more than 1h0m0s: interval 2562047h0m0s, timeout 2562047h0m0s, retries 2147483647, start period 0s",
		`{"exec": ["a"], "startPeriod": "61m"}`: prefix +
			": a container would count as broken only after more than 1h0m0s: interval 5s, timeout 5s, retries 3, start period 1h1m0s",
		`{"exec": ["` + strings.Repeat("a", 128<<10) + `"]}`: prefix + ": its command has 131073 bytes, and 131072 at most make sense",
		`{"exec": ["$TOOL"]}`:                                "installing db: manifest.json healthCheck.exec[0]:1:1: no value for $TOOL",
	} {
		s := newScene(t)
		s.images.images["db"] = healthy(check)
		if _, err := s.Install(t.Context(), deployment.Request{Image: "db"}); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", check, err, want)
		}
	}
	for name, change := range map[string]fstest.MapFS{
		"no service":   {"exports/manifest.json": file(`{"noContainerService": true, "healthCheck": {"exec": ["a"]}}`, 0o644)},
		"no container": {"exports/service.template": file("[Service]\nExecStart=/bin/true\n", 0o644)},
	} {
		s := newScene(t)
		s.images.images["db"] = with(healthy(`{"exec": ["a"]}`), change)
		_, err := s.Install(t.Context(), deployment.Request{Image: "db"})
		if want := prefix + ": there is no container in which it could be run"; err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

func TestHealthCheckIsNoPlaceForASecret(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = with(dbImage(), fstest.MapFS{"exports/manifest.json": file(`{"defaultValues": {"PORT": 1},
		"values": {"PASSWORD": {"secret": true}}, "healthCheck": {"exec": ["ping", "$PASSWORD"]}}`, 0o644)})
	_, err := s.Install(t.Context(), deployment.Request{Image: "db", Values: map[string]string{"PASSWORD": "hunter2"}})
	if err == nil || !strings.Contains(err.Error(), "healthCheck.exec[1]:1:1: $PASSWORD is a secret") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestHealthCheckOfAnImageThatKnowsNothingOfUs(t *testing.T) {
	const second = deployment.Duration(time.Second)
	for name, test := range map[string]struct {
		image *deployment.ImageHealth
		want  *deployment.HealthCheck
		warns string
	}{
		"nothing": {nil, nil, ""},
		"a command": {
			&deployment.ImageHealth{Test: []string{"CMD", "web", "$PORT"}, Interval: time.Second, Timeout: 2 * time.Second, StartPeriod: 3 * time.Second, Retries: 4},
			&deployment.HealthCheck{Exec: []string{"web", "$PORT"}, Interval: second, Timeout: 2 * second, StartPeriod: 3 * second, Retries: 4}, "",
		},
		"for the shell": {
			&deployment.ImageHealth{Test: []string{"CMD-SHELL", "curl $PORT || exit 1"}, Interval: -1},
			&deployment.HealthCheck{Exec: []string{"/bin/sh", "-c", "curl $PORT || exit 1"}, Interval: 30 * second, Timeout: 30 * second, Retries: 3}, "",
		},
		"taken away": {&deployment.ImageHealth{Test: []string{"NONE"}}, nil, ""},
		"inherited":  {&deployment.ImageHealth{Interval: 1}, nil, ""},
		"without an end": {
			&deployment.ImageHealth{Test: []string{"CMD", "a"}, Interval: math.MaxInt64, Retries: math.MaxInt}, nil,
			"the health check of web is ignored: a container would count as broken only after more than 1h0m0s: interval 2562047h47m16.854775807s, timeout 30s, retries 9223372036854775807, start period 0s",
		},
		"odd": {
			&deployment.ImageHealth{Test: []string{"curl", "x"}}, nil,
			`the health check of web is ignored: its Healthcheck ["curl" "x"] is neither NONE nor CMD and CMD-SHELL with a command`,
		},
		"empty": {
			&deployment.ImageHealth{Test: []string{"CMD"}}, nil,
			`the health check of web is ignored: its Healthcheck ["CMD"] is neither NONE nor CMD and CMD-SHELL with a command`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			webImage(s)
			s.images.health = map[string]*deployment.ImageHealth{"web": test.image}
			result := s.install(deployment.Request{Image: "web"})
			if !reflect.DeepEqual(result.Record.HealthCheck, test.want) {
				t.Errorf("got %+v, want %+v", result.Record.HealthCheck, test.want)
			}
			if got := strings.Join(result.Warnings, "\n"); got != test.warns {
				t.Errorf("warnings: got %q, want %q", got, test.warns)
			}
		})
	}
}

// An image that says how it runs says how it is checked as well, in the same place.
func TestHealthCheckOfTheManifestOrNone(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = dbImage()
	s.images.health = map[string]*deployment.ImageHealth{"db": {Test: []string{"CMD", "a"}}}
	if got := s.install(deployment.Request{Image: "db"}).Record.HealthCheck; got != nil {
		t.Errorf("got %+v", got)
	}
}

func TestHealthCheckOfAContainerThatEndsIsIgnored(t *testing.T) {
	s := newScene(t)
	s.images.images["db"] = with(healthy(`{"exec": ["a"]}`), fstest.MapFS{
		"exports/service.template": file("[Service]\nType=oneshot\nExecStart=$EXEC_START\n", 0o644),
	})
	result := s.install(deployment.Request{Image: "db"})
	if result.Record.HealthCheck != nil || len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "its unit is done when the container has ended") {
		t.Errorf("got %+v, %q", result.Record.HealthCheck, result.Warnings)
	}
}

// checked is a host on which db runs with a health check.
func checked(t *testing.T, check string) *scene {
	t.Helper()
	s := newScene(t)
	s.images.images["db"] = healthy(check)
	s.install(deployment.Request{Image: "db"})
	s.running.bundles["db"] = "/var/lib/syscontainer/containers/db/deploy/1"
	return s
}

func TestCheckHealthRunsTheCommandInTheContainer(t *testing.T) {
	s := checked(t, `{"exec": ["/bin/db", "ping", "a b"]}`)
	health, err := s.CheckHealth(t.Context(), "db")
	if err != nil || !health.Healthy || health.Name != "db" {
		t.Errorf("got %+v, %v", health, err)
	}
	runtimeAndName, process, _ := strings.Cut(s.running.probed[0], " {")
	var p struct {
		Args []string
		Env  []string
	}
	if err := json.Unmarshal([]byte("{"+process), &p); err != nil {
		t.Fatal(err)
	}
	if runtimeAndName != "/usr/bin/runc db" || !reflect.DeepEqual(p.Args, []string{"/bin/db", "ping", "a b"}) {
		t.Errorf("probed %q", s.running.probed)
	}
	if strings.Contains(process, "NOTIFY_SOCKET") {
		t.Error("the check could say that the service is ready")
	}
}

func TestCheckHealthOfAContainerThatIsNotWell(t *testing.T) {
	s := checked(t, `{"exec": ["a"], "timeout": "3s"}`)
	s.running.probe = func(context.Context) error { return errors.New("exit status 1: no leader") }
	health, err := s.CheckHealth(t.Context(), "db")
	const want = "checking the health of db: exit status 1: no leader"
	if err == nil || err.Error() != want || health == nil || health.Healthy || health.Error != want {
		t.Errorf("got %+v, %v", health, err)
	}
}

func TestCheckHealthOfWhatHasNone(t *testing.T) {
	s := checked(t, `{"exec": ["a"]}`)
	delete(s.running.bundles, "db")
	if _, err := s.CheckHealth(t.Context(), "db"); !errors.Is(err, install.ErrNotRunning) || err.Error() != `container "db" is not running` {
		t.Errorf("got %v", err)
	}
	if _, err := s.CheckHealth(t.Context(), "web"); !errors.Is(err, install.ErrNotInstalled) {
		t.Errorf("got %v", err)
	}
	webImage(s)
	s.install(deployment.Request{Image: "web"})
	if _, err := s.CheckHealth(t.Context(), "web"); !errors.Is(err, install.ErrNoHealthCheck) {
		t.Errorf("got %v", err)
	}
}

func TestAwaitHealth(t *testing.T) {
	const sick, hangs = "sick", "hangs"
	for name, test := range map[string]struct {
		check  string
		probes []string // what comes of each; "" is well, the last one stays
		took   time.Duration
		count  int
		want   string
	}{
		"at once":         {`{"exec": ["a"]}`, []string{""}, 0, 1, ""},
		"in the end":      {`{"exec": ["a"], "interval": "2s"}`, []string{sick, sick, ""}, 4 * time.Second, 3, ""},
		"never":           {`{"exec": ["a"], "interval": "2s"}`, []string{sick}, 4 * time.Second, 3, "checking the health of db: sick"},
		"it hangs":        {`{"exec": ["a"], "interval": "2s", "timeout": "3s", "retries": 2}`, []string{hangs}, 8 * time.Second, 2, "checking the health of db: not done within 3s"},
		"a slow start":    {`{"exec": ["a"], "interval": "2s", "startPeriod": "7s", "retries": 1}`, []string{sick, sick, sick, sick, ""}, 8 * time.Second, 5, ""},
		"too slow at it":  {`{"exec": ["a"], "interval": "2s", "startPeriod": "7s", "retries": 1}`, []string{sick}, 8 * time.Second, 5, "checking the health of db: sick"},
		"one is patience": {`{"exec": ["a"], "retries": 1}`, []string{sick}, 0, 1, "checking the health of db: sick"},
	} {
		t.Run(name, func(t *testing.T) {
			s := checked(t, test.check)
			s.running.probe = func(ctx context.Context) error {
				switch test.probes[min(len(s.running.probed), len(test.probes))-1] {
				case sick:
					return errors.New("sick")
				case hangs:
					<-ctx.Done()
					return context.Cause(ctx)
				}
				return nil
			}
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				health, err := s.AwaitHealth(t.Context(), "db")
				if took := time.Since(begin); took != test.took || len(s.running.probed) != test.count {
					t.Errorf("%d checks in %v, want %d in %v", len(s.running.probed), took, test.count, test.took)
				}
				if err == nil && test.want != "" || err != nil && err.Error() != test.want || health.Healthy != (err == nil) {
					t.Errorf("got %+v, %v, want %q", health, err, test.want)
				}
			})
		})
	}
}

func TestAwaitHealthEndsWithItsContext(t *testing.T) {
	s := checked(t, `{"exec": ["a"], "interval": "15m"}`)
	s.running.probe = func(context.Context) error { return errors.New("sick") }
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		if _, err := s.AwaitHealth(ctx, "db"); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "sick") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}
