"""Live jobs for whoever has signed in: TASKREALM_TOKEN=… flask run"""

from __future__ import annotations

import os
import secrets

from flask import Flask, redirect, render_template, request, session

from taskrealm.contrib.flask import TaskRealm

app = Flask(__name__)
app.secret_key = secrets.token_bytes(32)
app.config["TASKREALM_URL"] = os.environ.get("TASKREALM_URL", "ws://127.0.0.1:8080/ws")
app.config["TASKREALM_TOKEN"] = os.environ["TASKREALM_TOKEN"]
tasks = TaskRealm(app, user=lambda: session.get("user"))


@app.get("/")
def page():
    return render_template("page.html")


@app.post("/sign-in")  # your application has a better one
def sign_in():
    session["user"] = request.form["user"]
    return redirect("/")


@app.post("/count")  # a job that the application itself has made for its user
def count():
    job = tasks.client.exec("demo.count", {"to": 5}, on_behalf_of=session["user"])
    return redirect(f"/job/{job.job_id}")


@app.get("/job/<job_id>")
def job(job_id):
    return render_template("job.html", job_id=job_id)
