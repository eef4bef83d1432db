package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/sirupsen/logrus"
)

// adoptLibraryLog lets what the libraries say to logrus, of which there is one for
// the whole program, appear in our log, at our level, and nowhere else.
func adoptLibraryLog(ctx context.Context, log *slog.Logger) {
	logrus.SetOutput(io.Discard)
	logrus.SetLevel(logrus.ErrorLevel)
	for _, level := range []logrus.Level{logrus.WarnLevel, logrus.InfoLevel, logrus.DebugLevel} {
		if log.Enabled(ctx, slogLevel(level)) {
			logrus.SetLevel(level)
		}
	}
	logrus.StandardLogger().ReplaceHooks(make(logrus.LevelHooks))
	logrus.AddHook(libraryLog{log})
}

func slogLevel(level logrus.Level) slog.Level {
	switch level {
	case logrus.PanicLevel, logrus.FatalLevel, logrus.ErrorLevel:
		return slog.LevelError
	case logrus.WarnLevel:
		return slog.LevelWarn
	case logrus.InfoLevel:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// libraryLog passes lines on.
type libraryLog struct{ log *slog.Logger }

// Levels implements logrus.Hook.
func (libraryLog) Levels() []logrus.Level { return logrus.AllLevels }

// Fire implements logrus.Hook.
func (l libraryLog) Fire(entry *logrus.Entry) error {
	var fields []any
	for key, value := range entry.Data {
		fields = append(fields, key, value)
	}
	l.log.Log(context.Background(), slogLevel(entry.Level), entry.Message, fields...)
	return nil
}
