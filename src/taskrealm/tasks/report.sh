# Functions of the POSIX shell with which a program tells its job how far it is, what it
# meets, and asks its owner. To be read in by:
#
#     . "$TASKREALM_SHELL"
#     report_progress 0.4 "page 12 of 30"
#     report_message "The disk is nearly full" warning
#     answer=$(report_ask "Overwrite 214 rows?") && [ "$answer" = true ]
#
# Outside a job they report nothing, and a question has its default for an answer.

# report_progress FRACTION [MESSAGE]: FRACTION from 0 to 1, or null.
report_progress() {
  _report_line "{\"progress\": $1${2:+, \"message\": $(_report_text "$2")}}"
}

# report_message TEXT [debug|info|warning|error]
report_message() {
  _report_line "{\"message\": $(_report_text "$1"), \"level\": \"${2:-info}\"}"
}

# report_tag TEXT
report_tag() {
  _report_line "{\"tag\": $(_report_text "$1")}"
}

# report_data NAME TEXT
report_data() {
  _report_line "{\"data\": {$(_report_text "$1"): $(_report_text "$2")}}"
}

# report_result TEXT
report_result() {
  _report_line "{\"result\": $(_report_text "$1")}"
}

# report_artifact PATH [TITLE [NAME]]: leaves a file in the working directory for the owner
report_artifact() {
  case $1 in
    /*) _report_file=$1 ;;
    *) _report_file=$PWD/$1 ;;
  esac
  _report_file="\"file\": $(_report_text "$_report_file")${2:+, \"title\": $(_report_text "$2")}"
  _report_line "{$_report_file${3:+, \"name\": $(_report_text "$3")}}"
}

# report_ask QUESTION [DEFAULT [TIMEOUT [SCHEMA]]]: prints the answer as JSON, such as true.
#
# DEFAULT and SCHEMA are JSON; either may be empty. It is 1 when there is no answer.
report_ask() {
  if [ -z "${TASKREALM_REPORT-}" ] || [ ! -p "$TASKREALM_REPORT" ]; then
    _report_default "${2-}"
    return
  fi
  _report_question="\"question\": $(_report_text "$1")${4:+, \"schema\": $4}"
  _report_question="$_report_question${2:+, \"default\": $2}${3:+, \"timeout\": $3}"
  if [ ${#_report_question} -gt 4000 ]; then
    echo "report_ask: the question is too long" >&2
    return 1
  fi
  _report_pipe=$(mktemp -u "$TASKREALM_DIRECTORY/.answer-XXXXXXXX") || return 1
  mkfifo -m 600 "$_report_pipe" || return 1
  _report_line "{\"reply\": $(_report_text "$_report_pipe"), \"ask\": {$_report_question}}"
  # Opened for writing as well: there is no end before the answer.
  IFS= read -r _report_answer <>"$_report_pipe"
  rm -f "$_report_pipe"
  case $_report_answer in
    '{"answer": '*)
      _report_answer=${_report_answer#'{"answer": '}
      printf '%s\n' "${_report_answer%\}}"
      ;;
    *)
      printf 'report_ask: no answer: %s\n' "$_report_answer" >&2
      return 1
      ;;
  esac
}

_report_default() {
  if [ -z "$1" ]; then
    echo "report_ask: nobody can be asked here, and there is no default" >&2
    return 1
  fi
  printf '%s\n' "$1"
}

# Writes one line, unless there is no job, or nobody reads its pipe any more.
_report_line() {
  if [ -n "${TASKREALM_REPORT-}" ] && [ -p "$TASKREALM_REPORT" ]; then
    { printf '%s\n' "$1" 1<>"$TASKREALM_REPORT"; } 2>/dev/null || :
  fi
}

# Prints a text as JSON.
_report_text() {
  printf '%s' "$1" | LC_ALL=C awk '
    BEGIN {
      RS = "\001"
      for (code = 1; code < 32; code++) escaped[sprintf("%c", code)] = sprintf("\\u%04x", code)
      escaped["\\"] = "\\\\"
      escaped["\""] = "\\\""
    }
    { text = NR > 1 ? text RS $0 : $0 }
    END {
      printf "\""
      for (at = 1; at <= length(text); at++) {
        char = substr(text, at, 1)
        printf "%s", (char in escaped) ? escaped[char] : char
      }
      printf "\""
    }
  '
}
