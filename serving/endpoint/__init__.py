"""Requests as decoded JSON become answers: plain functions of model, store, body and moment."""
