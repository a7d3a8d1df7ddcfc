"""What `{% load taskrealm %}` loads."""
