package main

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
)

// TestLibrariesSpeakThroughOurLog: what they say is in our form, and at our level.
func TestLibrariesSpeakThroughOurLog(t *testing.T) {
	for level, want := range map[slog.Level]string{
		slog.LevelError: "level=ERROR msg=e\n",
		slog.LevelInfo:  "level=ERROR msg=e\nlevel=WARN msg=\"w 1\"\nlevel=INFO msg=i key=value\n",
		slog.LevelDebug: "level=ERROR msg=e\nlevel=WARN msg=\"w 1\"\nlevel=INFO msg=i key=value\nlevel=DEBUG msg=d\n",
	} {
		var out strings.Builder
		adoptLibraryLog(t.Context(), slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})))
		logrus.Error("e")
		logrus.Warnf("w %d", 1)
		logrus.WithField("key", "value").Info("i")
		logrus.Debug("d")
		if out.String() != want {
			t.Errorf("at %v: %q, want %q", level, out.String(), want)
		}
	}
}
